import { runKinds } from '@millrace/protocol'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useSignedIn } from '#app/session.ts'
import { useOverview } from '#inbox/overview.ts'
import { Button } from '#ui/button.tsx'
import { classes } from '#ui/classes.ts'
import { Input, Select } from '#ui/field.tsx'
import { SearchIcon } from '#ui/icons.tsx'
import { kindNames } from '#ui/kind-icon.tsx'
import type { RunFilter } from './filter.ts'
import type { UsedRunList } from './use-run-list.ts'

/** How runs stand, as one chooses it: a state, or an outcome. */
const standings: readonly { label: string; filter: Pick<RunFilter, 'state' | 'outcome'> }[] = [
  { label: 'All', filter: {} },
  { label: 'Working', filter: { state: 'running' } },
  { label: 'Queued', filter: { state: 'queued' } },
  { label: 'Succeeded', filter: { outcome: 'success' } },
  { label: 'Failed', filter: { outcome: 'failure' } },
  { label: 'Aborted', filter: { outcome: 'aborted' } },
  { label: 'Interrupted', filter: { outcome: 'interrupted' } },
]

export interface FilterBarProps {
  filter: RunFilter
  change(filter: RunFilter): void
  list: UsedRunList
}

export function FilterBar({ filter, change, list }: FilterBarProps) {
  const { projects, server } = useSignedIn()
  const { state: _state, outcome: _outcome, ...others } = filter
  const withValue = (name: 'kind' | 'project' | 'owner' | 'q', value: string) => {
    const { [name]: _before, ...rest } = filter
    change(value === '' ? rest : { ...rest, [name]: value })
  }
  return (
    <div className="border-b border-line bg-bg">
      <div className="flex flex-wrap items-center gap-2 px-4 py-2">
        <SearchField value={filter.q ?? ''} change={(q) => withValue('q', q)} />
        <Select
          aria-label="Kind"
          className="w-auto! max-sm:flex-1"
          value={filter.kind ?? ''}
          onChange={(event) => withValue('kind', event.target.value)}
        >
          <option value="">Every kind</option>
          {runKinds.map((kind) => (
            <option key={kind} value={kind}>
              {kindNames[kind]}
            </option>
          ))}
        </Select>
        {projects.length > 1 && (
          <Select
            aria-label="Project"
            className="w-auto! max-w-44 max-sm:flex-1"
            value={filter.project ?? ''}
            onChange={(event) => withValue('project', event.target.value)}
          >
            <option value="">Every project</option>
            {projects.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </Select>
        )}
        {server.admin && (
          <OwnerField value={filter.owner ?? ''} change={(owner) => withValue('owner', owner)} />
        )}
        {Object.keys(filter).length > 0 && (
          <Button look="quiet" onClick={() => change({})}>
            Clear
          </Button>
        )}
      </div>
      <Standings filter={filter} choose={(chosen) => change({ ...others, ...chosen })} list={list} />
    </div>
  )
}

function Standings({
  filter,
  choose,
  list,
}: {
  filter: RunFilter
  choose(filter: RunFilter): void
  list: UsedRunList
}) {
  const counts = useCounts()
  return (
    <div className="flex items-center gap-1 overflow-x-auto px-3 pb-1.5">
      {standings.map(({ label, filter: standing }) => {
        const isChosen = filter.state === standing.state && filter.outcome === standing.outcome
        const count = standing.state && counts[standing.state]
        return (
          <button
            key={label}
            type="button"
            aria-pressed={isChosen}
            onClick={() => choose(standing)}
            className={classes(
              'rounded-md px-2 py-1 text-[12px] font-medium whitespace-nowrap max-sm:py-2',
              isChosen ? 'bg-hover text-text' : 'text-muted hover:text-text',
            )}
          >
            {label}
            {count !== undefined && <span className="ml-1.5 text-muted tabular-nums">{count}</span>}
          </button>
        )
      })}
      <span className="flex-1" />
      <span
        role="status"
        className="pr-1 text-[12px] whitespace-nowrap text-muted tabular-nums max-sm:hidden"
      >
        {list.isLoading
          ? ''
          : `${list.runs.length}${list.hasMore ? '+' : ''} ${list.runs.length === 1 ? 'run' : 'runs'}`}
      </span>
    </div>
  )
}

/** How many runs are open, by state. */
function useCounts(): Partial<Record<string, number>> {
  const { runs, isLoading } = useOverview()
  return useMemo(() => {
    const counts: Record<string, number> = { running: 0, queued: 0 }
    if (isLoading) return {}
    for (const { state } of runs.values()) counts[state] = (counts[state] ?? 0) + 1
    return counts
  }, [runs, isLoading])
}

const typingMs = 200

/** Searches a moment after the last key. `/` leads to it from anywhere on the page. */
function SearchField({ value, change }: { value: string; change(value: string): void }) {
  const [text, setText] = useState(value)
  const field = useRef<HTMLInputElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => setText(value), [value])
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (event.key !== '/' || target.closest('input, textarea, select, dialog') !== null) return
      event.preventDefault()
      field.current?.focus()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  return (
    <div className="relative min-w-48 flex-1 text-muted max-sm:w-full max-sm:flex-none">
      <SearchIcon className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2" />
      <Input
        ref={field}
        type="search"
        aria-label="Search runs"
        placeholder="Search title, tool, prompt or id"
        className="pl-8"
        maxLength={200}
        value={text}
        onChange={(event) => {
          const { value: typed } = event.target
          setText(typed)
          clearTimeout(timer.current)
          timer.current = setTimeout(() => change(typed.trim()), typingMs)
        }}
      />
    </div>
  )
}

/** Whose runs: a name that is known, or one that is typed. */
function OwnerField({ value, change }: { value: string; change(value: string): void }) {
  const { runs } = useOverview()
  const owners = useMemo(() => [...new Set([...runs.values()].map(({ owner }) => owner))].sort(), [runs])
  if (owners.length < 2 && value === '') return null
  const shown = value === '' || owners.includes(value) ? owners : [value, ...owners]
  return (
    <Select
      aria-label="Owner"
      className="w-auto! max-w-44 max-sm:flex-1"
      value={value}
      onChange={(event) => change(event.target.value)}
    >
      <option value="">Every owner</option>
      {shown.map((owner) => (
        <option key={owner}>{owner}</option>
      ))}
    </Select>
  )
}
