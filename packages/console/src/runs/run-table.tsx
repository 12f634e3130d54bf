import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useLive } from '#live/live-store.ts'
import { RunRow } from './run-row.tsx'
import type { UsedRunList } from './use-run-list.ts'

/** As the rows are styled. */
const rowPx = { narrow: 57, wide: 41 }

/**
 * Rows of a list, of which only those in view exist. One of them has the focus of the keyboard: arrows, or j and k, move it.
 */
export function RunTable({ list: { runs, hasMore, isLoadingMore, loadMore } }: { list: UsedRunList }) {
  const element = useRef<HTMLUListElement>(null)
  const [top, setTop] = useState(0)
  const [active, setActive] = useState(0)
  const { questions } = useLive()
  const asking = new Set(questions.map(({ runId }) => runId))
  const isNarrow = useIsNarrow()
  useLayoutEffect(() => setTop(element.current?.offsetTop ?? 0), [])
  const rows = useWindowVirtualizer({
    count: runs.length,
    estimateSize: () => (isNarrow ? rowPx.narrow : rowPx.wide),
    overscan: 12,
    scrollMargin: top,
    getItemKey: (index) => runs[index]?.id ?? index,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are measured anew when their height changes
  useEffect(() => rows.measure(), [isNarrow])
  const items = rows.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasMore && !isLoadingMore && last >= runs.length - 10) loadMore()
  }, [hasMore, isLoadingMore, last, runs.length, loadMore])

  const focusRow = (index: number) => {
    const run = runs[index]
    if (run === undefined) return
    setActive(index)
    rows.scrollToIndex(index)
    requestAnimationFrame(() =>
      element.current?.querySelector<HTMLElement>(`[data-run="${run.id}"]`)?.focus(),
    )
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const target = targetOf(event.key, active)
    if (target === null) return
    event.preventDefault()
    focusRow(Math.min(Math.max(target, 0), runs.length - 1))
  }
  return (
    <ul
      ref={element}
      aria-label="Runs"
      onKeyDown={onKeyDown}
      className="relative"
      style={{ height: rows.getTotalSize() }}
    >
      {items.map(({ key, index, start }) => {
        const run = runs[index]
        if (run === undefined) return null
        return (
          <li
            key={key}
            aria-setsize={hasMore ? -1 : runs.length}
            aria-posinset={index + 1}
            className="absolute inset-x-0 top-0"
            style={{ transform: `translateY(${start - top}px)` }}
          >
            <RunRow
              run={run}
              asks={asking.has(run.id)}
              tabIndex={index === active ? 0 : -1}
              onFocus={() => setActive(index)}
            />
          </li>
        )
      })}
    </ul>
  )
}

const narrow = '(max-width: 639px)'

function useIsNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(() => matchMedia(narrow).matches)
  useEffect(() => {
    const query = matchMedia(narrow)
    const look = () => setNarrow(query.matches)
    query.addEventListener('change', look)
    return () => query.removeEventListener('change', look)
  }, [])
  return isNarrow
}

/** Where a key leads from a row. */
function targetOf(key: string, active: number): number | null {
  if (key === 'ArrowDown' || key === 'j') return active + 1
  if (key === 'ArrowUp' || key === 'k') return active - 1
  return key === 'Home' ? 0 : null
}
