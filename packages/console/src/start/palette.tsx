/** Everything one can do, by typing: Ctrl-K or Cmd-K. */
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useId, useMemo, useRef, useState } from 'react'
import { addressOf } from '#app/address.ts'
import { signOut, useSignedIn } from '#app/session.ts'
import { chooseTheme, themes } from '#app/theme.ts'
import { useOverview } from '#inbox/overview.ts'
import { newestFirst } from '#runs/run-set.ts'
import { classes } from '#ui/classes.ts'
import { Dialog } from '#ui/dialog.tsx'
import { SearchIcon } from '#ui/icons.tsx'
import { kindNames } from '#ui/kind-icon.tsx'
import { titleOf } from '#ui/run-words.ts'
import { type Command, findCommands, toolCommands } from './commands.ts'
import { closeDialogs, openStart } from './start-store.ts'

export function Palette() {
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState(0)
  const field = useRef<HTMLInputElement>(null)
  const listId = useId()
  const commands = useCommands()
  const found = useMemo(() => findCommands(commands, text), [commands, text])
  const perform = (command: Command | undefined) => {
    if (command === undefined) return
    closeDialogs()
    command.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step !== 0) {
      event.preventDefault()
      setChosen((found.length + chosen + step) % Math.max(found.length, 1))
    } else if (event.key === 'Enter') {
      event.preventDefault()
      perform(found[chosen])
    }
  }
  return (
    <Dialog title="Commands" titleHidden onClose={closeDialogs} first={field}>
      <div className="flex items-center gap-2 border-b border-line px-4 text-muted">
        <SearchIcon />
        <input
          ref={field}
          role="combobox"
          aria-label="Search commands and runs"
          aria-expanded
          aria-controls={listId}
          aria-activedescendant={found[chosen] && `${listId}-${chosen}`}
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            setChosen(0)
          }}
          onKeyDown={onKeyDown}
          placeholder="Run a tool, open a run, go somewhere…"
          className="h-11 w-full bg-transparent text-text outline-none placeholder:text-muted"
          spellCheck={false}
          autoComplete="off"
        />
      </div>
      <div id={listId} role="listbox" aria-label="Commands" className="max-h-[50dvh] overflow-auto p-1.5">
        {found.length === 0 && <p className="px-3 py-6 text-center text-muted">Nothing of that name.</p>}
        {found.map((command, index) => (
          <Option
            key={command.id}
            id={`${listId}-${index}`}
            command={command}
            isChosen={index === chosen}
            choose={() => perform(command)}
            point={() => setChosen(index)}
          />
        ))}
      </div>
    </Dialog>
  )
}

function Option({
  id,
  command: { label, group },
  isChosen,
  choose,
  point,
}: {
  id: string
  command: Command
  isChosen: boolean
  choose(): void
  point(): void
}) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus, and takes the keys
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={isChosen}
      ref={(element) => {
        if (isChosen) element?.scrollIntoView({ block: 'nearest' })
      }}
      onClick={choose}
      onPointerMove={point}
      className={classes(
        'flex cursor-pointer items-center gap-3 rounded-md px-3 py-1.5 max-sm:py-2.5',
        isChosen && 'bg-hover',
      )}
    >
      <span className="min-w-0 flex-1 truncate">{label}</span>
      <span className="text-[12px] text-muted">{group}</span>
    </div>
  )
}

const runsOffered = 100

function useCommands(): Command[] {
  const { tools, agent } = useSignedIn()
  const navigate = useNavigate()
  const { runs } = useOverview()
  return useMemo(() => {
    const go = (label: string, to: '/' | '/runs' | '/activity' | '/worktrees' | '/settings'): Command => ({
      id: `go ${to}`,
      label,
      group: 'Go to',
      run: () => void navigate({ to }),
    })
    const start: Command[] = [
      ...(agent === undefined
        ? []
        : [
            {
              id: 'session',
              label: 'New agent session',
              group: 'Start' as const,
              run: () => openStart({ kind: 'session' }),
            },
          ]),
      {
        id: 'execution',
        label: 'New execution',
        group: 'Start',
        run: () => openStart({ kind: 'execution' }),
      },
      ...toolCommands(tools, (tool, project) => openStart({ kind: 'job', tool, project })),
    ]
    const elsewhere: Command[] = [
      go('Inbox', '/'),
      go('Runs', '/runs'),
      go('Activity', '/activity'),
      go('Worktrees', '/worktrees'),
      go('Settings', '/settings'),
      {
        id: 'docs',
        label: 'API documentation',
        group: 'Go to',
        run: () => location.assign(addressOf('docs')),
      },
      { id: 'out', label: 'Sign out', group: 'Go to', run: () => void signOut() },
    ]
    const looks = themes.map(
      (theme): Command => ({
        id: `theme ${theme}`,
        label: `Theme: ${theme}`,
        group: 'Appearance',
        run: () => chooseTheme(theme),
      }),
    )
    const known = newestFirst(runs.values())
      .slice(0, runsOffered)
      .map(
        (run): Command => ({
          id: run.id,
          label: [titleOf(run), kindNames[run.kind], run.project].filter(Boolean).join(' · '),
          group: 'Runs',
          run: () => void navigate({ to: '/runs/$runId', params: { runId: run.id } }),
        }),
      )
    return [...start, ...elsewhere, ...looks, ...known]
  }, [tools, agent, navigate, runs])
}
