/** The lines of a log: any part of a million, with those around it that are visible. */

import {
  type MouseEvent,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import type { RowWindow } from '#run/rows/row-window.ts'
import { Button } from '#ui/button.tsx'
import { carriedStyles } from './carried.ts'
import type { EventLog } from './event-log.ts'
import { markOf } from './groups.ts'
import { LogRow, type RowLook } from './log-row.tsx'
import { useLogState } from './use-event-log.ts'

export const rowPx = 20

export interface Selection {
  readonly first: number
  readonly last: number
}

export interface LogViewProps {
  log: EventLog
  rows: RowWindow
  look: RowLook
  /** `seq` of the line that is pointed to. */
  target: number | null
  selection: Selection | null
  onSelect(selection: Selection): void
  /** What is there before the first line. */
  isLive: boolean
}

export function LogView({ log, rows, look, target, selection, onSelect, isLive }: LogViewProps) {
  const state = useLogState(log)
  const { firstSeq, head } = state
  const count = firstSeq === 0 ? 0 : head - firstSeq + 1
  const view = useSyncExternalStore(rows.subscribe, rows.getState)
  const scroller = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  useResize(scroller, rows)
  useLayoutEffect(() => rows.setCount(count), [rows, count])
  useEffect(() => {
    if (firstSeq > 0 && view.last >= view.first) log.want(firstSeq + view.first, firstSeq + view.last)
  }, [log, firstSeq, view.first, view.last])
  const { folded, toggle } = useFolding(log, rows, firstSeq)
  usePlace(scroller, view.position)
  useLayoutEffect(() => {
    if (look.isWrapped) rows.measured(heightsIn(content.current, firstSeq))
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: heights are others with the time beside the lines
  useLayoutEffect(() => rows.forgetHeights(), [rows, look.isWrapped, look.hasTime])

  const onClick = (event: MouseEvent) => {
    const seq = seqOf(event.target)
    if (seq === null) return
    const element = event.target as Element
    if (element.closest('.log-group') !== null) toggle(seq)
    if (element.closest('.log-number') === null) return
    event.preventDefault()
    const from = event.shiftKey && selection !== null ? selection.first : seq
    onSelect({ first: Math.min(from, seq), last: Math.max(from, seq) })
  }

  const styles = carriedStyles((seq) => log.event(seq), firstSeq + view.first, firstSeq + view.last)
  const seqs: number[] = []
  for (let row = view.first; row <= view.last; row++) if (!rows.isHidden(row)) seqs.push(firstSeq + row)
  return (
    <div className="relative min-h-0 flex-1 bg-panel">
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the links and buttons inside have the keyboard */}
      <section
        ref={scroller}
        aria-label="Log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keyboard
        tabIndex={0}
        className="log absolute inset-x-0 top-0 bottom-2 overflow-auto bg-panel -outline-offset-2 [overflow-anchor:none]"
        style={{ '--log-digits': String(Math.max(String(head).length, 4)) } as Record<string, string>}
        onScroll={({ currentTarget }) => rows.scrolledTo(currentTarget.scrollTop)}
        onClick={onClick}
      >
        <div className="relative" style={{ height: view.contentPx }}>
          <div ref={content} className="absolute left-0 min-w-full" style={{ top: view.topPx }}>
            {seqs.map((seq) => (
              <LogRow
                key={seq}
                seq={seq}
                event={log.event(seq)}
                isTarget={seq === target}
                isSelected={selection !== null && seq >= selection.first && seq <= selection.last}
                isFolded={folded.has(seq)}
                style={styles.get(seq)}
                {...look}
              />
            ))}
          </div>
        </div>
      </section>
      {!view.isFollowing && <Jump isLive={isLive} onClick={() => rows.follow()} />}
    </div>
  )
}

function Jump({ isLive, onClick }: { isLive: boolean; onClick(): void }) {
  return (
    <Button small className="absolute bottom-4 left-1/2 -translate-x-1/2 shadow-float" onClick={onClick}>
      {isLive ? 'Jump to live' : 'Jump to the end'} ↓
    </Button>
  )
}

/** Scrolls to where the window is, after the content has its height. */
function usePlace(scroller: RefObject<HTMLDivElement | null>, position: number): void {
  useLayoutEffect(() => {
    const element = scroller.current
    if (element !== null && Math.abs(element.scrollTop - position) >= 1) element.scrollTop = position
  })
}

function useResize(scroller: RefObject<HTMLDivElement | null>, rows: RowWindow): void {
  useLayoutEffect(() => {
    const element = scroller.current
    if (element === null) return
    let width = element.clientWidth
    const resized = () => {
      // Wrapped lines are higher where there is less room.
      if (element.clientWidth !== width) rows.forgetHeights()
      width = element.clientWidth
      rows.resize(element.clientHeight)
    }
    resized()
    const observer = new ResizeObserver(resized)
    observer.observe(element)
    return () => observer.disconnect()
  }, [scroller, rows])
}

function heightsIn(content: HTMLElement | null, firstSeq: number): [row: number, px: number][] {
  return [...(content?.children ?? [])].map((element) => [
    Number((element as HTMLElement).dataset.seq) - firstSeq,
    (element as HTMLElement).offsetHeight,
  ])
}

function seqOf(target: EventTarget): number | null {
  const row = target instanceof Element ? target.closest<HTMLElement>('[data-seq]') : null
  return row === null ? null : Number(row.dataset.seq)
}

/** Lines that are looked through for the end of a group. */
const groupLinesMax = 20_000

/** Folds groups. Their end must be in memory or near; a group whose end is far away stays open. */
function useFolding(log: EventLog, rows: RowWindow, firstSeq: number) {
  const [folded, setFolded] = useState<ReadonlyMap<number, number>>(new Map())
  const toggle = useCallback(
    (seq: number) => {
      const last = folded.get(seq) ?? endOfGroup(log, seq)
      if (last === null) return
      const isFolded = !folded.has(seq)
      rows.fold(seq + 1 - firstSeq, last - firstSeq, isFolded)
      setFolded((before) => {
        const after = new Map(before)
        if (isFolded) after.set(seq, last)
        else after.delete(seq)
        return after
      })
    },
    [log, rows, firstSeq, folded],
  )
  return { folded, toggle }
}

function endOfGroup(log: EventLog, begin: number): number | null {
  for (let seq = begin + 1; seq <= begin + groupLinesMax; seq++) {
    const event = log.event(seq)
    if (event === undefined) return null
    const { line } = (event.data ?? {}) as { line?: unknown }
    if (typeof line === 'string' && markOf(line)?.kind === 'end') return seq
  }
  return null
}
