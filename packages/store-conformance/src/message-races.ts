/** What may race over the messages of a run, and what holds whatever the order. */
import type { Commit, Store } from '@millrace/server/store'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  completed,
  messageDelivered as delivered,
  expectCode,
  line,
  newMessage,
  readAll,
  runningRun,
  type Subject,
  upTo,
  messageWithdrawn as withdrawn,
} from './material.ts'

export function describeMessageRaces(subject: Subject): void {
  test('whatever races, each message is either withdrawn or taken, and in the log at most once as such', async () => {
    const { store } = subject
    const announced: Commit[] = []
    store.onCommit((commit) => announced.push(commit))
    const property = fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 5 }), async (rounds) => {
      const id = await runningRun(store)
      const sent = upTo(messages).map(() => newMessage())
      const noted: Noted = { accepted: [], taken: [], delivered: [], withdrawn: [], sealed: false }
      for (const steps of rounds)
        await Promise.all(steps.map((step) => takeStep(store, id, step, sent, noted)))
      const left = await store.undeliveredMessages(id)
      await store.finish(id, 1, completed()).catch(expectCode('run_over'))
      const log = await readAll(store, id)
      expect(announced.filter(({ runId }) => runId === id).flatMap(({ events }) => events)).toEqual(log)
      expect(idsIn(log, 'message:queued')).toEqual(new Set(noted.accepted))
      expect(idsIn(log, 'message:delivered')).toEqual(new Set(noted.delivered))
      expect(idsIn(log, 'message:withdrawn')).toEqual(new Set(noted.withdrawn))
      expect(noted.taken.filter((one) => noted.withdrawn.includes(one))).toEqual([])
      expect(new Set(noted.taken).size).toBe(noted.taken.length)
      const settled = new Set([...noted.delivered, ...noted.withdrawn])
      expect(new Set(left.map((one) => one.id))).toEqual(
        new Set(noted.accepted.filter((one) => !settled.has(one))),
      )
      // Nothing is accepted that the agent, told that nothing comes, would miss.
      if (noted.sealed) expect(left.filter(({ state }) => state === 'waiting')).toEqual([])
    })
    await fc.assert(property, { numRuns: process.env.MILLRACE_TEST_FULL === undefined ? 60 : 1000 })
  }, 300_000)
}

const messages = 5
type Step =
  | { op: 'accept' | 'withdraw' | 'deliver'; message: number }
  | { op: 'take' | 'end' | 'finish' | 'append' }

interface Noted {
  accepted: string[]
  taken: string[]
  delivered: string[]
  withdrawn: string[]
  sealed: boolean
}

const message = fc.nat(messages - 1)
const round: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constant<'accept'>('accept'), message }) },
    {
      weight: 6,
      arbitrary: fc.record({ op: fc.constantFrom('withdraw' as const, 'deliver' as const), message }),
    },
    { weight: 5, arbitrary: fc.record({ op: fc.constantFrom('take' as const, 'append' as const) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('end' as const, 'finish' as const) }) },
  ),
  { minLength: 1, maxLength: 10 },
)

/** Takes a step whose refusal, if any, a race must explain; notes what took effect. */
async function takeStep(
  store: Store,
  run: string,
  step: Step,
  sent: readonly ReturnType<typeof newMessage>[],
  noted: Noted,
): Promise<void> {
  switch (step.op) {
    case 'append':
      return store.append(run, 1, [line('x')]).then(() => {}, expectCode('run_over'))
    case 'finish':
      return store.finish(run, 1, completed()).then(() => {}, expectCode('run_over'))
    case 'take':
    case 'end': {
      const taking = store.takeMessages(run, 1, { want: 'turn', seal: step.op === 'end' })
      return taking.then((took) => {
        noted.taken.push(...took.messages.map(({ id }) => id))
        noted.sealed ||= took.sealed
      }, expectCode('run_over'))
    }
    default: {
      const one = sent[step.message] ?? newMessage()
      const codes = ['run_over', 'not_listening', 'not_found', 'message_taken', 'internal']
      if (step.op === 'accept') {
        return store
          .acceptMessage(run, one)
          .then(() => void noted.accepted.push(one.id), expectCode(...codes))
      }
      if (step.op === 'withdraw') {
        const back = store.withdrawMessage(run, one.id, withdrawn(one.id))
        return back.then(() => void noted.withdrawn.push(one.id), expectCode(...codes))
      }
      const marked = store.deliverMessage(run, 1, one.id, delivered(one.id))
      return marked.then(() => void noted.delivered.push(one.id), expectCode(...codes))
    }
  }
}

function idsIn(log: readonly { type: string; json: string }[], type: string): Set<string> {
  const ids = log
    .filter((event) => event.type === type)
    .map(({ json }) => JSON.parse(json).messageId as string)
  expect(new Set(ids).size).toBe(ids.length)
  return new Set(ids)
}
