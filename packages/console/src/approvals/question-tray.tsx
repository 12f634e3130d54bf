/** Open questions, on every page but those that show them anyway: the inbox, and the page of the run that asks. */
import { useLocation, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useLive } from '#live/live-store.ts'
import { classes } from '#ui/classes.ts'
import { Dot } from '#ui/state-dot.tsx'
import { QuestionCard } from './question-card.tsx'

export function QuestionTray() {
  const { questions } = useLive()
  const { pathname } = useLocation()
  const { runId } = useParams({ strict: false }) as { runId?: string }
  const [isWide] = useState(() => !matchMedia('(max-width: 639px)').matches)
  const [isOpen, setOpen] = useState(isWide)
  // A run's page has its own things at the bottom: there the tray stands below the navigation, and opens on demand.
  const [isOpenBeside, setOpenBeside] = useState(false)
  const isBeside = runId !== undefined
  const isShown = isBeside ? isOpenBeside : isOpen
  const elsewhere = questions.filter((question) => question.runId !== runId)
  if (pathname === '/' || elsewhere.length === 0) return null
  const count = elsewhere.length === 1 ? '1 question' : `${elsewhere.length} questions`
  return (
    <aside
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
        {count}
        <span className="flex-1" />
        <span className="text-[12px] font-normal text-muted">{isShown ? 'Hide' : 'Show'}</span>
      </button>
      {isShown && (
        <div className="flex max-h-[60dvh] flex-col gap-2 overflow-auto border-t border-line p-2">
          {elsewhere.map((question) => (
            <QuestionCard key={question.approvalId} question={question} />
          ))}
        </div>
      )}
    </aside>
  )
}
