/** Runs that take up an earlier one: the same again, or the conversation continued. */
import { isFinal, MillraceError, type Run, type RunKind } from '@millrace/protocol'
import type { Principal } from '#auth/principal'
import type { Kind } from '#runners/kind'
import type { RunRecord } from '#store/store'

export interface StartOptions {
  /** A UUID; the server makes one by default. */
  id?: string
  idempotencyKey?: string | undefined
  retryOf?: string
  resumes?: string
}

export interface SuccessorsParts {
  /** Fails with `not_found`. */
  visible(id: string, principal: Principal): Promise<RunRecord>
  kindOf(kind: RunKind): Kind
  start(
    request: { kind: RunKind } & Record<string, unknown>,
    principal: Principal,
    options: StartOptions,
  ): Promise<{ run: Run }>
}

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
    const options = run.resumes === null ? {} : { resumes: run.resumes }
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
}
