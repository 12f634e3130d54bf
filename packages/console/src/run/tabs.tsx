import { type KeyboardEvent, type ReactNode, useId } from 'react'
import { classes } from '#ui/classes.ts'

export interface Tab<Id extends string> {
  readonly id: Id
  readonly label: ReactNode
}

/** Tabs above a part of the page. The arrow keys move between them. */
export function Tabs<Id extends string>({
  tabs,
  chosen,
  onChoose,
  children,
}: {
  tabs: readonly Tab<Id>[]
  chosen: Id
  onChoose(id: Id): void
  children?: ReactNode
}) {
  const name = useId()
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    const next = tabs[(tabs.findIndex(({ id }) => id === chosen) + step + tabs.length) % tabs.length]
    if (next === undefined) return
    event.preventDefault()
    onChoose(next.id)
    document.getElementById(`${name}${next.id}`)?.focus()
  }
  return (
    <div className="flex items-center gap-1 border-b border-line bg-bg px-3">
      <div
        role="tablist"
        tabIndex={-1}
        aria-label="Views of the run"
        className="flex gap-1"
        onKeyDown={onKeyDown}
      >
        {tabs.map(({ id, label }) => (
          <button
            key={id}
            id={`${name}${id}`}
            type="button"
            role="tab"
            aria-selected={id === chosen}
            tabIndex={id === chosen ? 0 : -1}
            onClick={() => onChoose(id)}
            className={classes(
              '-mb-px flex h-9 items-center whitespace-nowrap gap-1.5 border-b-2 px-2 font-medium max-sm:h-11',
              id === chosen ? 'border-accent text-text' : 'border-transparent text-muted hover:text-text',
            )}
          >
            {label}
          </button>
        ))}
      </div>
      {children}
    </div>
  )
}
