/** Open questions, on every page but those that show them anyway: the inbox, and the page of the run that asks. */
import { Link, useLocation, useParams } from '@tanstack/react-router'
import { type RefObject, useLayoutEffect, useRef, useState } from 'react'
import { useLive } from '#live/live-store.ts'
import { classes } from '#ui/classes.ts'
import { Dot } from '#ui/state-dot.tsx'
import { QuestionCard } from './question-card.tsx'

export function QuestionTray() {
  const { elsewhere, runId } = useElsewhere()
  const { pathname } = useLocation()
  const [isWide] = useState(() => !matchMedia('(max-width: 639px)').matches)
  const [isOpen, setOpen] = useState(isWide)
  // A run's page has its own things at the bottom: there the tray stands below the navigation, and opens on demand.
  const [isOpenBeside, setOpenBeside] = useState(false)
  const isBeside = runId !== undefined
  const isShown = isBeside ? isOpenBeside : isOpen
  const isThere = pathname !== '/' && elsewhere.length > 0
  const tray = useRef<HTMLElement>(null)
  useRoomFor(tray, isThere && !isBeside)
  if (!isThere) return null
  return (
    <aside
      ref={tray}
      aria-label="Open questions"
      className={classes(
        'fixed bottom-0 z-20 m-3 overflow-hidden rounded-xl border border-line-strong bg-panel shadow-float max-sm:bottom-14',
        isBeside ? 'left-0 max-sm:hidden sm:bottom-10 sm:m-2' : 'right-0',
        isBeside && !isShown ? 'w-48' : 'w-[min(30rem,calc(100vw-1.5rem))]',
      )}
    >
      <button
        type="button"
        aria-expanded={isShown}
        onClick={() => (isBeside ? setOpenBeside(!isShown) : setOpen(!isShown))}
        className="flex w-full items-center gap-2 px-3 py-2 font-medium hover:bg-hover"
      >
        <Dot tone="wait" pulses />
        {countText(elsewhere.length)}
        <span className="flex-1" />
        <span className="text-[12px] font-normal text-muted">{isShown ? 'Hide' : 'Show'}</span>
      </button>
      {isShown && (
        <div className="flex max-h-[60dvh] flex-col gap-2 overflow-auto border-t border-line p-2">
          {elsewhere.map((question) => (
            <QuestionCard key={question.approvalId} question={question} isBrief />
          ))}
        </div>
      )}
    </aside>
  )
}

/** On a phone the page of a run has no room for the tray: a line above it leads to the inbox. */
export function QuestionsElsewhere() {
  const { elsewhere, runId } = useElsewhere()
  if (runId === undefined || elsewhere.length === 0) return null
  return (
    <Link
      to="/"
      className="flex items-center gap-2 border-b border-line bg-wait-soft px-4 py-2 text-[12px] font-medium text-wait sm:hidden"
    >
      <Dot tone="wait" pulses />
      {countText(elsewhere.length)} in other runs
    </Link>
  )
}

function useElsewhere() {
  const { questions } = useLive()
  const { runId } = useParams({ strict: false }) as { runId?: string }
  return { runId, elsewhere: questions.filter((question) => question.runId !== runId) }
}

function countText(count: number): string {
  return count === 1 ? '1 question' : `${count} questions`
}

/** Leaves the page room to scroll what the tray covers out from under it. */
function useRoomFor(tray: RefObject<HTMLElement | null>, isThere: boolean): void {
  useLayoutEffect(() => {
    const element = tray.current
    if (!isThere || element === null) return
    const { style } = document.documentElement
    const measure = () => style.setProperty('--tray-height', `${element.offsetHeight + marginPx}px`)
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => {
      observer.disconnect()
      style.removeProperty('--tray-height')
    }
  }, [tray, isThere])
}

/** Above and below the tray. */
const marginPx = 24
