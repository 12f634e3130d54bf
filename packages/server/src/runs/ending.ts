/** The small parts of ending a run that more than one way of ending needs. */
import {
  type EndCause,
  type ErrorCode,
  type FinalState,
  isFinal,
  type Run,
  terminalType,
} from '@millrace/protocol'
import type { Logger } from 'pino'
import { EndRequest, type Runner } from '#runners/runner'
import type { Finish, RunRecord, RunStore } from '#store/store'
import { boundedError, toEventJson } from './clip.ts'

/** What writing a terminal event takes. */
export interface EndingParts {
  eventBytes: number
  now: () => number
  log: Logger
}

const messages: Record<EndCause, string> = {
  abort: 'Aborted by request',
  shutdown: 'Interrupted: the server is shutting down',
  crash: 'The server stopped without warning while the run was active',
  quota: 'The runs of its owner take more room than limits.ownerBytes allows',
}

/** That of the refusal of a start: what a program looks for is one word. */
const quotaCode: ErrorCode = 'quota_exceeded'

/** The request to end that a recorded cause stands for. */
export function endRequestFor(cause: EndCause): EndRequest {
  return new EndRequest(cause, messages[cause])
}

export function finalStateFor(cause: EndCause): Exclude<FinalState, 'completed'> {
  switch (cause) {
    case 'abort':
      return 'aborted'
    case 'quota':
      return 'errored'
    case 'shutdown':
    case 'crash':
      return 'interrupted'
    default:
      return cause satisfies never
  }
}

/**
 * The terminal event of a run that did not end by itself. Never throws: a run ends even if its runner
 * cannot describe that. `cause` is null when the runner failed; `runner` is undefined for a kind that
 * this server does not run.
 */
export function cutShort(
  run: Run,
  runner: Runner | undefined,
  cause: EndCause | null,
  message: string,
  parts: EndingParts,
): Finish {
  const state = cause === null ? 'errored' : finalStateFor(cause)
  const event = { at: parts.now(), type: terminalType(run.kind, state) }
  const finish = (data: unknown): Finish => ({
    state,
    event: { ...event, json: toEventJson(data, parts.eventBytes) },
    result: null,
    error: boundedError({ message, ...(cause === 'quota' && { code: quotaCode }) }, parts.eventBytes),
    // What attempts used that were parked is known.
    usage: run.usage,
  })
  try {
    if (runner !== undefined) return finish(runner.endedData(run, state, message, cause))
  } catch (error) {
    parts.log.error({ run: run.id, err: error }, 'a runner could not describe how its run ended')
  }
  return finish({ state, message })
}

/** Writes the terminal event of a run that was ended before it was claimed, with the reason if there is one. */
export async function cancelQueued(
  record: RunRecord,
  runner: Runner | undefined,
  parts: EndingParts & { store: Pick<RunStore, 'finish' | 'getRun'> },
  reason?: string,
): Promise<RunRecord> {
  const cause = record.cause ?? 'abort'
  const message =
    reason ??
    (finalStateFor(cause) === 'aborted'
      ? 'Aborted by request before it started'
      : 'Interrupted before it started')
  try {
    const finish = cutShort(record, runner, cause, message, parts)
    return await parts.store.finish(record.id, record.attempt, finish)
  } catch (error) {
    // Another abort wrote it first: the run is over, as requested.
    const now = await parts.store.getRun(record.id)
    if (now !== null && isFinal(now.state)) return now
    throw error
  }
}

/** True when the promise settled within `ms`, either way. Handles its rejection. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), ms)
  const settled = promise.then(
    () => true,
    () => true,
  )
  try {
    return await Promise.race([settled, late])
  } finally {
    clearTimeout(timer)
  }
}
