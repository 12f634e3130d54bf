/** Runs that take up an earlier one: the same again, or the conversation continued. */
import { isFinal, MillraceError, type Run, type RunKind } from '@millrace/protocol'
import type { Principal } from '#auth/principal'
import type { Kind, LoggedEvent } from '#runners/kind'
import { type LogStore, publicRun, type RunRecord, type TranscriptStore } from '#store/store'

export interface StartOptions {
  /** A UUID; the server makes one by default. */
  id?: string
  idempotencyKey?: string | undefined
  retryOf?: string
  resumes?: string
  fork?: { of: string; entries: number }
}

export interface SuccessorsParts {
  store: Pick<LogStore, 'readAfter'> & Pick<TranscriptStore, 'readTranscript'>
  /** Fails with `not_found`. */
  visible(id: string, principal: Principal): Promise<RunRecord>
  kindOf(kind: RunKind): Kind
  start(
    request: { kind: RunKind } & Record<string, unknown>,
    principal: Principal,
    options: StartOptions,
  ): Promise<{ run: Run }>
}

export interface ForkRequest {
  /** The last event that belongs to the fork. Default: all. */
  at?: number | undefined
  prompt: string
  /** Where it works: a new worktree, or that of a branch. Default: as the run it is a fork of. */
  worktree?: true | string | undefined
}

/** A page of a log is read at a time. */
const pageBytesMax = 4 * 1024 ** 2

export class Successors {
  readonly #parts: SuccessorsParts

  constructor(parts: SuccessorsParts) {
    this.#parts = parts
  }

  /**
   * Runs the same spec again, as a new run. A run that resumed a conversation resumes the same one again:
   * `not_resumable` when that is no longer kept.
   */
  async retry(id: string, principal: Principal): Promise<Run> {
    const run = await this.#parts.visible(id, principal)
    if (!isFinal(run.state)) throw new MillraceError('run_open', 'Only a run that is over can be retried')
    const request = { ...run.spec, kind: run.kind }
    const options = run.resumes === null ? forkAgain(run) : { resumes: run.resumes }
    return (await this.#parts.start(request, principal, { ...options, retryOf: run.id })).run
  }

  /**
   * Resumes a run that is over, as a new run; the kind says what of the spec changes. Fails with
   * `not_resumable` for a kind that cannot, and where nothing of the conversation is kept; with
   * `run_open` while it is not over; with `project_busy`.
   */
  async resume(
    id: string,
    principal: Principal,
    options: { prompt?: string | undefined } = {},
  ): Promise<Run> {
    const run = await this.#parts.visible(id, principal)
    const { resumable } = this.#parts.kindOf(run.kind)
    if (resumable === null) {
      throw new MillraceError(
        'not_resumable',
        `A run of kind ${run.kind} cannot be resumed; retry it instead`,
      )
    }
    if (!isFinal(run.state)) throw new MillraceError('run_open', 'Only a run that is over can be resumed')
    const request = { ...resumable.request(run, options.prompt), kind: run.kind }
    try {
      return (await this.#parts.start(request, principal, { resumes: run.id })).run
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'not_resumable') throw error
      throw new MillraceError('not_resumable', `${error.message}; retry it instead`, { cause: error })
    }
  }

  /**
   * Starts a new run whose conversation begins as that of `id` was at an event; nothing of that run changes, and it may
   * still be at work. Fails with `not_resumable` for a kind that cannot, and where nothing had been said by then.
   */
  async fork(id: string, principal: Principal, { at, prompt, worktree }: ForkRequest): Promise<Run> {
    const { store, visible, kindOf, start } = this.#parts
    const run = await visible(id, principal)
    const { forkable } = kindOf(run.kind)
    if (forkable === undefined)
      throw new MillraceError('not_resumable', `A run of kind ${run.kind} cannot be forked`)
    const transcript = await store.readTranscript(run.id)
    const events = eventsOf(store, run)
    const fork = await forkable.fork({ run: publicRun(run), at, transcript, events }, prompt)
    if (fork === null || fork.entries === 0)
      throw new MillraceError('not_resumable', 'Nothing had been said by then: start a new session')
    const request = { ...fork.request, ...(worktree === undefined ? {} : { worktree }), kind: run.kind }
    return (await start(request, principal, { fork: { of: run.id, entries: fork.entries } })).run
  }
}

function forkAgain({ forkOf, spec }: RunRecord): Pick<StartOptions, 'fork'> {
  const entries = (spec.fork as { entries?: number } | undefined)?.entries
  return forkOf === null || entries === undefined ? {} : { fork: { of: forkOf, entries } }
}

async function* eventsOf(
  store: SuccessorsParts['store'],
  { id }: Pick<RunRecord, 'id'>,
): AsyncGenerator<LoggedEvent> {
  for (let after = 0; ; ) {
    const page = await store.readAfter(id, { after, maxBytes: pageBytesMax })
    yield* page?.events ?? []
    const last = page?.events.at(-1)
    if (page === null || last === undefined || last.seq >= page.bounds.head) return
    after = last.seq
  }
}
