/**
 * A process full of followers that count what they get and keep nothing. Driven by the process that
 * forked it: `ReaderPlan` as its one argument, `'resume'` as a message, `ReaderReport`s in return.
 */
import { get, type IncomingMessage } from 'node:http'
import { type Counted, FrameCounter } from './frame-counter.ts'

export interface ReaderPlan {
  url: string
  token: string
  followers: number
  /** Read nothing after the headers until `resume`. */
  paused: boolean
  /** Make digests: costs more than all the rest. */
  digest: boolean
}

export type ReaderReport =
  | { kind: 'open' }
  /** One entry a follower, when all streams are over; `ended` is false for one that was cut. */
  | { kind: 'over'; followers: (Counted & { ended: boolean })[] }

const plan = JSON.parse(process.argv[2] ?? '{}') as ReaderPlan

function open(): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${plan.token}` }
    get(plan.url, { headers, agent: false }, resolve).on('error', reject)
  })
}

function count(response: IncomingMessage): Promise<Counted & { ended: boolean }> {
  const counter = new FrameCounter({ digest: plan.digest })
  return new Promise((resolve) => {
    response.on('data', (chunk: Buffer) => counter.take(chunk))
    response.on('end', () => resolve({ ...counter.result(), ended: true }))
    response.on('error', () => resolve({ ...counter.result(), ended: false }))
  })
}

function report(message: ReaderReport): void {
  process.send?.(message)
}

const resumed = new Promise<void>((resolve) => {
  process.on('message', () => resolve())
})
process.on('disconnect', () => process.exit(1))

const responses = await Promise.all(Array.from({ length: plan.followers }, open))
if (responses.some((response) => response.statusCode !== 200)) throw new Error('a stream was refused')
report({ kind: 'open' })
if (plan.paused) await resumed
report({ kind: 'over', followers: await Promise.all(responses.map(count)) })
process.disconnect()
