/**
 * A kind of run as one object: everything the server needs to know about it. `runs/` and the composition
 * root ask the object and never compare a kind's name.
 */
import type { Run, RunKind } from '@millrace/protocol'
import type { z } from 'zod'
import type { Runner, TranscriptEntry } from './runner.ts'

export interface Kind {
  readonly kind: RunKind
  /** Shape of a request that starts a run of this kind; its `kind` is the literal above. */
  readonly request: z.ZodObject<{ kind: z.ZodLiteral<RunKind> }>
  readonly runner: Runner
  /** How many of its runs may be active at once on one node. */
  readonly concurrency: number
  /** Whether its runs share their place, the project unless `prepare` names another, with no other open exclusive run. */
  readonly exclusive: boolean
  /** How a run that is over is resumed; null when its runs cannot be resumed. */
  readonly resumable: Resumable | null
  /** How a new conversation begins with a part of an earlier one; absent when its runs cannot be forked. */
  readonly forkable?: Forkable
  /** Set when people can talk to the agents of its runs. */
  readonly listens?: true
  /** Set when another program does the work: runs of the kind are never claimed, and outlive the server. */
  readonly detached?: Detached
  /**
   * Turns a request, or the spec of an earlier run, into the values of the run's row. Throws
   * `invalid_request` naming the fields at fault. `owner` is the user who starts it.
   */
  prepare(request: Record<string, unknown>, owner: string): PreparedRun | Promise<PreparedRun>
  /** Whether a run can be started now. Cheap: it is asked at every start. */
  availability(): Availability
  /** Tests what its runs need. Runs once, however often it is called; never rejects. */
  selfTest(): Promise<SelfTest>
}

/** A checked request. */
interface PreparedRun {
  project: string | null
  spec: Record<string, unknown>
  /** What an exclusive run has to itself. Default: its project. */
  place?: string
}

export interface Detached {
  /** How long a run may be silent before it counts as interrupted. */
  leaseMs(spec: Record<string, unknown>): number
}

export interface Resumable {
  /** Returns the request for the run that resumes `run`. Without a prompt the kind says how to continue. */
  request(run: Run, prompt: string | undefined): Record<string, unknown>
}

export interface Forkable {
  /**
   * Returns the request for the fork of `run`, and how many entries of the transcript it begins with. Null: at that event
   * nothing had been said. Throws `not_resumable` where the conversation has no such point.
   */
  fork(
    point: ForkPoint,
    prompt: string,
  ): Promise<{ request: Record<string, unknown>; entries: number } | null>
}

export interface ForkPoint {
  run: Run
  /** The last event that belongs to the fork. Undefined: the whole conversation. */
  at: number | undefined
  transcript: readonly TranscriptEntry[]
  /** The log, from its beginning. */
  events: AsyncIterable<LoggedEvent>
}

export interface LoggedEvent {
  seq: number
  type: string
  /** The data as one line of JSON. */
  json: string
}

export type Availability = { available: true } | { available: false; reason: string }

/** One sentence each. */
export interface SelfTest {
  /** Problems that keep runs of the kind from starting. */
  problems: string[]
  /** Oddities that prevent nothing. */
  warnings: string[]
}

/** For a kind that needs nothing besides the server itself. */
export const alwaysAvailable: Pick<Kind, 'availability' | 'selfTest'> = {
  availability: () => ({ available: true }),
  selfTest: async () => ({ problems: [], warnings: [] }),
}
