import type { PlanPhase } from '@millrace/protocol'
import { dollars } from '@millrace/protocol/view'

const marks: Record<PlanPhase['status'], string> = {
  pending: '○',
  active: '◐',
  complete: '●',
  incomplete: '◌',
}

interface PlanProps {
  goal: string | null
  phases: readonly PlanPhase[]
  tokens: Readonly<Record<string, number>> | null
  costUsd: number | null
}

export function Plan({ goal, phases, tokens, costUsd }: PlanProps) {
  const total = Object.values(tokens ?? {}).reduce((sum, count) => sum + count, 0)
  return (
    <section aria-label="Plan" className="plan">
      <h2>Plan</h2>
      {goal !== null && <p>{goal}</p>}
      {phases.length === 0 && <p className="quiet">None yet.</p>}
      <ol>
        {phases.map(({ id, name, status }) => (
          <li key={id} className={status} data-phase={id} data-status={status}>
            <span aria-hidden="true">{marks[status]}</span> {name}
            <span className="hidden">: {status}</span>
          </li>
        ))}
      </ol>
      {total > 0 && (
        <p className="quiet">
          {total.toLocaleString('en')} tokens{costUsd === null ? '' : `, ${dollars(costUsd)}`}
        </p>
      )}
    </section>
  )
}
