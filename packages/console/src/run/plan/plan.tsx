/** The plan of an agent, with its phases as they light up. */
import type { PlanPhase } from '@millrace/protocol'
import { CheckIcon, ChevronIcon, CrossIcon } from '#run/icons.tsx'
import { classes } from '#ui/classes.ts'
import { Dot } from '#ui/state-dot.tsx'

interface PlanProps {
  goal: string | null
  phases: readonly PlanPhase[]
  /** Goes to the beginning of a phase. Absent where that is not known. */
  onChoose?: ((phaseId: string) => void) | undefined
}

/** Beside the conversation; where there is no room beside it, one line above it that opens. */
export function PlanSide(props: PlanProps) {
  const active = props.phases.find(({ status }) => status === 'active')
  const done = props.phases.filter(({ status }) => status === 'complete').length
  return (
    <>
      <aside className="order-last w-64 shrink-0 overflow-y-auto border-l border-line p-4 max-lg:hidden">
        <Plan {...props} />
      </aside>
      <details className="group shrink-0 border-b border-line px-4 lg:hidden">
        <summary className="flex min-h-10 list-none items-center gap-2">
          <ChevronIcon className="size-3.5 text-muted group-open:rotate-90" />
          <span className="font-medium">Plan</span>
          <span className="min-w-0 flex-1 truncate text-muted">{active?.name}</span>
          <span className="text-[12px] text-muted tabular-nums">
            {done}/{props.phases.length}
          </span>
        </summary>
        <div className="max-h-[35dvh] overflow-y-auto pb-3">
          <Plan {...props} />
        </div>
      </details>
    </>
  )
}

/** A producer may plan thousands. */
const phasesShown = 200

function Plan({ goal, phases, onChoose }: PlanProps) {
  const done = phases.filter(({ status }) => status === 'complete').length
  const active = phases.findIndex(({ status }) => status === 'active')
  const first = Math.max(Math.min(active - phasesShown / 2, phases.length - phasesShown), 0)
  const shown = phases.slice(first, first + phasesShown)
  const left = phases.length - first - shown.length
  return (
    <section aria-label="Plan" className="flex flex-col gap-2">
      <h2 className="flex items-baseline justify-between font-medium">
        Plan
        <span className="text-[12px] font-normal text-muted tabular-nums">
          {done}/{phases.length}
        </span>
      </h2>
      {goal !== null && <p className="line-clamp-3 text-[12px] text-muted">{goal}</p>}
      <ol className="flex flex-col gap-0.5">
        {first > 0 && <Others count={first} where="before these" />}
        {shown.map((phase) => (
          <li key={phase.id}>
            <Phase phase={phase} onChoose={onChoose} />
          </li>
        ))}
        {left > 0 && <Others count={left} where="after these" />}
      </ol>
    </section>
  )
}

function Others({ count, where }: { count: number; where: string }) {
  return (
    <li className="px-2 py-1 text-[12px] text-muted">
      {count.toLocaleString('en')} more {where}
    </li>
  )
}

const words: Record<PlanPhase['status'], string> = {
  pending: 'not begun',
  active: 'at work',
  complete: 'done',
  incomplete: 'not finished',
}

function Phase({
  phase: { id, name, status },
  onChoose,
}: {
  phase: PlanPhase
  onChoose: ((phaseId: string) => void) | undefined
}) {
  const look = classes(
    'flex w-full items-start gap-2 rounded-md px-2 py-1 text-left transition-colors',
    status === 'active' && 'bg-live-soft text-text',
    status === 'complete' && 'text-soft',
    status === 'pending' && 'text-muted',
    status === 'incomplete' && 'text-bad',
  )
  const content = (
    <>
      <span className="flex h-[1.45em] w-4 shrink-0 items-center justify-center">
        <Mark status={status} />
      </span>
      <span className="min-w-0 break-words">
        {name}
        <span className="sr-only">, {words[status]}</span>
      </span>
    </>
  )
  if (onChoose === undefined || status === 'pending') return <span className={look}>{content}</span>
  return (
    <button type="button" className={classes(look, 'hover:bg-hover')} onClick={() => onChoose(id)}>
      {content}
    </button>
  )
}

function Mark({ status }: { status: PlanPhase['status'] }) {
  switch (status) {
    case 'active':
      return <Dot tone="live" pulses />
    case 'complete':
      return <CheckIcon className="size-3.5 text-good" />
    case 'incomplete':
      return <CrossIcon className="size-3.5" />
    case 'pending':
      return <span className="size-2 rounded-full border border-line-strong" />
    default:
      return status satisfies never
  }
}
