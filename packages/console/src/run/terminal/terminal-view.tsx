/**
 * The screen of a program that has a terminal. The emulator is xterm.js without its own renderer: that would need styles
 * which the content policy refuses, and rows of the page can be selected, found and read aloud.
 */
import { memo, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { EventLog } from '#run/log/event-log.ts'
import '#run/log/log.css'
import { SpanText } from '#run/log/span-text.tsx'
import { Screen } from './screen.ts'

/** How much of a long log is written to the screen: what came before is in the log. */
const eventsMax = 20_000
const wantedEvents = 2000

export default function TerminalView({ log }: { log: EventLog }) {
  const { screen, version, isCut } = useScreen(log)
  const scroller = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end moves when something was written
  useLayoutEffect(() => {
    const element = scroller.current
    if (element !== null && isAtEnd.current) element.scrollTop = element.scrollHeight
  }, [version])
  const count = screen?.rows ?? 0
  return (
    <section
      ref={scroller}
      aria-label="Terminal"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keyboard
      tabIndex={0}
      className="terminal min-h-0 flex-1 overflow-auto bg-panel p-3"
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        isAtEnd.current = scrollTop + clientHeight >= scrollHeight - 8
      }}
    >
      {isCut && <p className="pb-2 text-muted">The beginning is in the log.</p>}
      {Array.from({ length: Math.ceil(count / blockRows) }, (_, block) => (
        <Rows
          // biome-ignore lint/suspicious/noArrayIndexKey: a block is its place on the screen
          key={block}
          screen={screen as Screen}
          first={block * blockRows}
          last={Math.min((block + 1) * blockRows, count) - 1}
          // What has left the screen no longer changes.
          version={(block + 1) * blockRows < count - screenRowsMax ? 0 : version}
        />
      ))}
    </section>
  )
}

const blockRows = 100
const screenRowsMax = 200

const Rows = memo(function Rows({
  screen,
  first,
  last,
}: {
  screen: Screen
  first: number
  last: number
  version: number
}) {
  return (
    <div className="terminal-rows">
      {Array.from({ length: last - first + 1 }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place on the screen
        <div key={index} className="h-5 whitespace-pre">
          <SpanText spans={screen.spansOf(first + index)} />
        </div>
      ))}
    </div>
  )
})

/** A screen with everything that the log has of it so far. */
function useScreen(log: EventLog) {
  const [shown, setShown] = useState<{ screen: Screen | null; version: number; isCut: boolean }>({
    screen: null,
    version: 0,
    isCut: false,
  })
  useEffect(() => {
    const screen = new Screen(80, 24)
    const { firstSeq, head } = log.getState()
    const begin = Math.max(firstSeq, head - eventsMax)
    let next = begin
    let isLeft = false
    let isWriting = false
    const pump = async () => {
      if (isWriting) return
      isWriting = true
      const from = next
      let text = ''
      for (let event = log.event(next); event !== undefined && next < from + wantedEvents; ) {
        const { line, terminal } = (event.data ?? {}) as {
          line?: unknown
          terminal?: { columns: number; rows: number }
        }
        if (terminal !== undefined && terminal.columns !== screen.columns)
          screen.resize(terminal.columns, terminal.rows)
        if (event.type === 'output' && typeof line === 'string') text += line
        next += 1
        event = log.event(next)
      }
      if (text !== '') await screen.write(text)
      isWriting = false
      if (isLeft) return
      if (next > from) setShown(({ version }) => ({ screen, version: version + 1, isCut: begin > firstSeq }))
      log.want(next, next + wantedEvents)
      if (next > from) void pump()
    }
    const leave = log.subscribe(() => void pump())
    void pump()
    return () => {
      isLeft = true
      leave()
      screen.close()
    }
  }, [log])
  return shown
}
