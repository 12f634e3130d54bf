/** Events: the entries of a run's log. */
import type { Json } from './json.ts'

/**
 * What an event's type may look like. It becomes the `event:` field of an SSE frame, so nothing in
 * it may end a line.
 */
export const eventTypePattern = /^[a-zA-Z0-9:._-]{1,64}$/

/** One entry of a run's log. `seq` is 1, 2, 3 … without a gap; `at` is milliseconds since the epoch. */
export interface LogEvent {
  seq: number
  at: number
  type: string
  data: Json
}

/** Events every run's log has, whatever its kind, besides its terminal one. */
export const lifecycleTypes = { queued: 'run:queued', started: 'run:started' } as const

/** Events of a run whose agent needs no process while people think (docs/protocol.md#parked-runs). */
export const parkingTypes = {
  /** Its process has ended, and nothing works on it until the question is answered. */
  parked: 'run:parked',
  /** A new process has begun the call that was asked about, or refused it. */
  woken: 'run:woken',
} as const

export interface RunParkedEvent {
  /** The question that it waits for. */
  approvalId: string
}

export interface RunWokenEvent {
  attempt: number
}

/** A file that a run made under a protected name was moved out of the project. */
export const quarantinedType = 'sandbox:quarantined'
export interface QuarantinedEvent {
  /** Relative to the project. */
  path: string
  /** Where it is now: absolute, in the server's data directory; the old place if it could not be moved. */
  keptAt: string
  /** The same for a person. */
  message: string
}

/** Settings that a run gave a repository stay inside the run, because git would execute what they say. */
export const heldBackType = 'sandbox:held-back'
export interface HeldBackEvent {
  /** Of the configuration, relative to the project. */
  path: string
  /** Names of settings, such as `core.pager`. */
  settings: string[]
  /** The same for a person. */
  message: string
}

/** The in-band signal that a cursor cannot be served; it has no `id:` (docs/protocol.md). */
export const resetType = 'reset'
export const resetReasons = ['invalid', 'ahead', 'pruned', 'epoch'] as const
export type ResetReason = (typeof resetReasons)[number]

/** `firstSeq` is the oldest event still kept (head + 1 when none is), `head` the newest. */
export interface ResetData {
  reason: ResetReason
  firstSeq: number
  head: number
}
