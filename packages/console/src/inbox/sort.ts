/** Sorts runs into the parts of the inbox. */
import { isFinal, type OpenQuestion, type Run } from '@millrace/protocol'
import { endOf } from './overview.ts'

export interface Inbox {
  /** Failed, and nobody has done anything about it. The newest first. */
  failed: Run[]
  /** At work, those that ask last; then those in the queue. */
  working: Run[]
  /** Over, the last one first. */
  done: Run[]
}

export interface InboxFacts {
  runs: Iterable<Run>
  questions: readonly OpenQuestion[]
  dismissed: ReadonlySet<string>
  /** Whose failures need attention. */
  user: string
  now: number
}

const failureAgeMaxMs = 7 * 24 * 3_600_000
const doneMax = 40

export function sortInbox({ runs, questions, dismissed, user, now }: InboxFacts): Inbox {
  const all = [...runs]
  const repeated = new Set(all.flatMap(({ retryOf, resumes }) => [retryOf, resumes]))
  const asking = new Set(questions.map(({ runId }) => runId))
  const needsAttention = (run: Run) =>
    run.outcome === 'failure' &&
    run.owner === user &&
    !dismissed.has(run.id) &&
    !repeated.has(run.id) &&
    now - endOf(run) < failureAgeMaxMs
  const byEnd = (a: Run, b: Run) => endOf(b) - endOf(a)
  const rank = (run: Run) => (asking.has(run.id) ? 1 : run.state === 'queued' ? 2 : 0)
  return {
    failed: all.filter(needsAttention).sort(byEnd),
    working: all
      .filter(({ state }) => !isFinal(state))
      .sort((a, b) => rank(a) - rank(b) || b.createdAt - a.createdAt),
    done: all
      .filter((run) => isFinal(run.state) && !needsAttention(run))
      .sort(byEnd)
      .slice(0, doneMax),
  }
}
