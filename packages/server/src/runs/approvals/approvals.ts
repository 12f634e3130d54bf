/**
 * The approvals that runs of this node wait for, and the answers of people that arrive here.
 *
 * Owns: which run waits for which approval, and one listener and one timer for all of them, which exist
 * only while one waits. Whether an approval is answered, and how, is in the store alone: the answer may
 * arrive at another node.
 * Invariants: a wait ends by what the store says of its approval, or by the end of its run; a commit is
 * only a hint to look, and the next sweep finds what a lost hint failed to tell.
 */
import {
  type AnswerApprovalBody,
  type FieldError,
  type Form,
  MillraceError,
  type PermissionResolvedEvent,
  permissionTypes,
} from '@millrace/protocol'
import { invalidRequest } from '@millrace/protocol/schemas'
import type { Logger } from 'pino'
import type { ApprovalAnswer } from '#runners/runner'
import type { ApprovalStore, Commit, CommitFeed } from '#store/store'
import { type Clock, monotonicClock } from '#time/clock'
import { faultsIn } from './form-values.ts'

export interface ApprovalsParts {
  /** What an approval asks for, as long as the log has it. */
  form(runId: string, approvalId: string): Promise<Form | undefined>
  store: Omit<ApprovalStore, 'requestApproval'> & CommitFeed
  now: () => number
  /** What the runs of one owner may take in the store. Absent: any number of bytes. */
  ownerBytesMax?: number | undefined
  log: Logger
  /** What the sweeps are timed by. */
  after?: Clock['after'] | undefined
}

interface Waiting {
  runId: string
  resolve(answer: ApprovalAnswer): void
  reject(reason: Error): void
}

const sweepMs = 1000

export class Approvals {
  readonly #parts: ApprovalsParts
  readonly #waiting = new Map<string, Waiting>()
  #stopWatching: (() => void) | null = null
  /** The last sweep failed, which was logged. */
  #failing = false

  constructor(parts: ApprovalsParts) {
    this.#parts = parts
  }

  /** Call it before the approval is requested, so that no answer is missed. */
  waitFor(runId: string, approvalId: string): Promise<ApprovalAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ApprovalAnswer>()
    this.#waiting.set(approvalId, { runId, resolve, reject })
    this.#stopWatching ??= this.#watch()
    return promise
  }

  /** Ends one wait: the approval could not be requested. */
  giveUp(approvalId: string, reason: Error): void {
    this.#waiting.get(approvalId)?.reject(reason)
    this.#forget(approvalId)
  }

  /** Ends every wait of a run that is ending. */
  giveUpAll(runId: string, reason: Error): void {
    for (const approvalId of this.#ofRun(runId)) this.giveUp(approvalId, reason)
  }

  /**
   * Records a person's answer. Fails with `not_found`; with `invalid_request`, which names each field that is not what a form
   * asks for; with `already_answered`, which includes an approval that has expired, whether or not a sweep has seen that yet; or with
   * `quota_exceeded`, of a long answer.
   */
  async answer(
    runId: string,
    approvalId: string,
    answer: AnswerApprovalBody,
    user: string,
  ): Promise<PermissionResolvedEvent> {
    const { store, now, form, ownerBytesMax } = this.#parts
    const { decision, message, updatedInput, values, scope } = answer
    const approval = await store.getApproval(runId, approvalId)
    if (approval === null) throw new MillraceError('not_found', `No approval ${approvalId.slice(0, 64)}`)
    const at = now()
    if (approval.answer === null && at >= approval.expiresAt) await this.expire(runId, approvalId)
    else if (approval.answer === null) checkAnswer(answer, await form(runId, approvalId))
    const given = { message, updatedInput, values, scope: scope === 'run' ? scope : undefined }
    const counted = { decision, by: 'person', user, at, ownerBytesMax, ...given } as const
    return store.answerApproval(runId, approvalId, counted)
  }

  #watch(): () => void {
    const { store, after = monotonicClock.after } = this.#parts
    const stopListening = store.onCommit((commit) => this.#look(commit))
    let cancel: () => void
    let stopped = false
    // The next sweep is timed when this one is over: sweeps never overlap.
    const sweepLater = () => {
      cancel = after(sweepMs, async () => {
        await this.#sweep()
        if (!stopped) sweepLater()
      })
    }
    sweepLater()
    return () => {
      stopped = true
      stopListening()
      cancel()
    }
  }

  #look(commit: Commit): void {
    // Of another node's commit only the hint is here. Where its read fails the next sweep finds the answer.
    if (commit.elsewhere === true && this.#ofRun(commit.runId).length > 0)
      this.#sweepRun(commit.runId).catch(() => {})
    for (const event of commit.events) {
      if (event.type !== permissionTypes.resolved) continue
      if (this.#ofRun(commit.runId).length === 0) continue
      const resolved = JSON.parse(event.json) as PermissionResolvedEvent
      if (!commit.closed) this.#settle(resolved)
      else
        this.giveUp(
          resolved.approvalId,
          new MillraceError('run_over', 'The run ended before an answer arrived'),
        )
    }
  }

  #settle(resolved: PermissionResolvedEvent): void {
    const waiting = this.#waiting.get(resolved.approvalId)
    if (waiting === undefined) return
    waiting.resolve(answerOf(resolved))
    this.#forget(resolved.approvalId)
  }

  #forget(approvalId: string): void {
    this.#waiting.delete(approvalId)
    if (this.#waiting.size > 0) return
    this.#stopWatching?.()
    this.#stopWatching = null
  }

  #ofRun(runId: string): string[] {
    return [...this.#waiting].filter(([, waiting]) => waiting.runId === runId).map(([id]) => id)
  }

  async #sweep(): Promise<void> {
    const runs = new Set([...this.#waiting.values()].map(({ runId }) => runId))
    let failed = false
    for (const runId of runs) {
      try {
        await this.#sweepRun(runId)
      } catch (error) {
        failed = true
        if (!this.#failing) {
          this.#parts.log.warn({ run: runId, err: error }, 'open approvals cannot be read; trying again')
        }
        this.#failing = true
      }
    }
    this.#failing = failed
  }

  async #sweepRun(runId: string): Promise<void> {
    const { store, now } = this.#parts
    const asked = this.#ofRun(runId)
    const open = new Map((await store.openApprovals(runId)).map(({ id, expiresAt }) => [id, expiresAt]))
    for (const id of asked) {
      const expiresAt = open.get(id)
      if (expiresAt === undefined) {
        // Answered, and the hint was lost; or on its way to the disk.
        const answer = (await store.getApproval(runId, id))?.answer ?? null
        if (answer !== null) this.#settle(answer)
      } else if (expiresAt <= now()) {
        await this.expire(runId, id)
      }
    }
  }

  /** Records that nobody answered in time, unless somebody has. */
  async expire(runId: string, approvalId: string): Promise<void> {
    try {
      const at = this.#parts.now()
      await this.#parts.store.answerApproval(runId, approvalId, { decision: 'deny', by: 'expiry', at })
    } catch (error) {
      // Another answer was first.
      if (!(error instanceof MillraceError) || error.code !== 'already_answered') throw error
    }
  }
}

function checkAnswer(
  { decision, updatedInput, values, scope }: AnswerApprovalBody,
  form: Form | undefined,
): void {
  const fields: FieldError[] = []
  const unless = (isRight: boolean, path: string, expected: string) => {
    if (!isRight) fields.push({ path, expected })
  }
  if (form === undefined) unless(values === undefined, 'values', 'absent: only a form has them')
  else if (decision === 'allow') {
    unless(updatedInput === undefined, 'updatedInput', 'absent: a form is answered with values')
    unless(scope !== 'run', 'scope', 'once: a form is answered each time')
    if (values === undefined) fields.push({ path: 'values', expected: 'the answer to the form' })
    else fields.push(...faultsIn(form.schema, values))
  }
  if (fields.length > 0) throw invalidRequest(fields)
}

/** What the runner of the run needs to know of an answer. */
export function answerOf({
  decision,
  by,
  message,
  updatedInput,
  values,
  scope,
}: PermissionResolvedEvent): ApprovalAnswer {
  return {
    decision,
    by,
    ...(message === undefined ? {} : { message }),
    ...(updatedInput === undefined ? {} : { updatedInput }),
    ...(values === undefined ? {} : { values }),
    ...(scope === undefined ? {} : { scope }),
  }
}
