/**
 * Batches of a program outside the server: each takes effect exactly once.
 *
 * A producer counts its batches from 0 and repeats one until it is answered. Its epoch is a fence: a producer
 * that starts again begins a new epoch, and the old one can write nothing more.
 */
import { type Refusal, refusal, unknownRun } from './refusal.ts'
import type { RunFacts, RunRow } from './rows.ts'

/** What is kept of a producer of a run. */
export interface ProducerRow {
  epoch: number
  /** The batch that is expected: one more than the last that took effect. */
  next: number
}

/** `producer: null`: the caller does not count, and a repeated batch is appended again. */
export interface Batch {
  producer: string | null
  epoch: number
  seq: number
  /** The lease that the batch asks for. */
  leaseUntil: number
}

export type Production<Run> =
  /** `producer`: what is to be kept of it. `begins`: what is kept of its earlier epochs is to go. */
  | { kind: 'append'; run: Run; leaseUntil: number; producer: ProducerRow | null; begins: boolean }
  /** It took effect before, and is answered as it was then. It still is a sign of life. */
  | { kind: 'duplicate'; run: Run; leaseUntil: number | null }
  | Refusal

/**
 * A repeated batch is answered also when the run is over: its first answer may have been lost. A lease is never
 * shortened, be it by a clock that was put back or by a batch that waited.
 */
export function produce<Run extends Pick<RunFacts, 'closed'> & Pick<RunRow, 'leaseUntil'>>(
  run: Run | undefined,
  known: ProducerRow | undefined,
  { producer, epoch, seq, leaseUntil: asked }: Batch,
): Production<Run> {
  if (run === undefined) return unknownRun()
  const over = run.closed ? refusal('run_over', 'The run is already over') : null
  const leaseUntil = Math.max(run.leaseUntil ?? 0, asked)
  if (producer === null) return over ?? { kind: 'append', run, leaseUntil, producer: null, begins: false }
  if (known !== undefined && epoch < known.epoch) {
    return refusal('fenced', `The producer ${producer} has begun epoch ${known.epoch}`)
  }
  const begins = known === undefined || epoch > known.epoch
  const expected = begins ? 0 : known.next
  if (seq < expected) return { kind: 'duplicate', run, leaseUntil: run.closed ? run.leaseUntil : leaseUntil }
  if (over !== null) return over
  if (seq > expected) {
    return refusal('sequence_gap', `Batch ${expected} is expected before batch ${seq}`, {
      expectedSeq: expected,
    })
  }
  return { kind: 'append', run, leaseUntil, producer: { epoch, next: seq + 1 }, begins }
}
