import type { OpenQuestion } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { sortInbox } from '../../src/inbox/sort.ts'
import { running, someRun } from '../support/runs.ts'

const failure = { outcome: 'failure', state: 'errored' } as const
const facts = { questions: [], dismissed: new Set<string>(), user: 'ann', now: 100_000 }
const ids = (runs: readonly { id: string }[]) => runs.map(({ id }) => id)

describe('the inbox', () => {
  it('a failure needs its owner until it is dismissed, retried or resumed, or a week old', () => {
    const [fresh, dismissed, retried, resumed, others, old] = [
      someRun(failure),
      someRun(failure),
      someRun(failure),
      someRun(failure),
      someRun({ ...failure, owner: 'bob' }),
      someRun({ ...failure, finishedAt: -8 * 86_400_000 }),
    ]
    const [retry, resume] = [someRun({ retryOf: retried.id }), someRun({ resumes: resumed.id })]
    const runs = [fresh, dismissed, retried, resumed, others, old, retry, resume]
    const inbox = sortInbox({ ...facts, runs, dismissed: new Set([dismissed.id]) })
    expect(ids(inbox.failed)).toEqual([fresh.id])
    expect(ids(inbox.done).sort()).toEqual(ids(runs.filter((run) => run !== fresh)).sort())
  })

  it('those at work stand first, then those that ask, then the queue', () => {
    const [queued, asking, working] = [
      someRun({ ...running, state: 'queued' }),
      someRun(running),
      someRun(running),
    ]
    const questions = [{ runId: asking.id } as OpenQuestion]
    const inbox = sortInbox({ ...facts, runs: [queued, asking, working], questions })
    expect(ids(inbox.working)).toEqual([working.id, asking.id, queued.id])
  })
})
