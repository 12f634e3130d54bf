/**
 * The questions to people that runs of this node wait for, and the answers that come in here.
 *
 * Owns: who waits for which question, and one listener and one timer for all of them, which are there
 * only while somebody waits. Whether a question is answered, and how, is in the store alone: the answer
 * may have come in by another node.
 * Invariants: a wait ends by what the store says of its question, or by the end of its run; a commit is
 * only the hint to look, and what it failed to tell the next sweep finds.
 */
import {
  type AnswerApprovalBody,
  MillraceError,
  type PermissionResolvedEvent,
  permissionTypes,
} from '@millrace/protocol'
import type { Logger } from 'pino'
import type { Answer } from '#runners/runner'
import type { ApprovalStore, Commit, CommitFeed } from '#store/store'
import { type Clock, monotonicClock } from '#time/clock'

export interface QuestionsParts {
  store: Omit<ApprovalStore, 'requestApproval'> & CommitFeed
  now: () => number
  log: Logger
  /** What the sweeps are timed by. */
  after?: Clock['after'] | undefined
}

interface Waiting {
  runId: string
  resolve(answer: Answer): void
  reject(reason: Error): void
}

const sweepMs = 1000

export class Questions {
  private readonly parts: QuestionsParts
  private readonly waiting = new Map<string, Waiting>()
  private stopWatching: (() => void) | null = null
  /** The last sweep failed, and the log has been told. */
  private troubled = false

  constructor(parts: QuestionsParts) {
    this.parts = parts
  }

  /** To be called before the question is put, so that no answer is missed. */
  waitFor(runId: string, approvalId: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.waiting.set(approvalId, { runId, resolve, reject })
    this.stopWatching ??= this.watch()
    return promise
  }

  /** The question could not be put. */
  giveUp(approvalId: string, reason: Error): void {
    this.waiting.get(approvalId)?.reject(reason)
    this.forget(approvalId)
  }

  /** The run ends: nobody waits for its answers any more. */
  giveUpAll(runId: string, reason: Error): void {
    for (const approvalId of this.ofRun(runId)) this.giveUp(approvalId, reason)
  }

  /**
   * Takes a person's answer. Fails with `not_found`, or with `already_answered`: also from the moment on
   * in which the question expires, whether or not a sweep has seen that yet.
   */
  async answer(
    runId: string,
    approvalId: string,
    { decision, message }: AnswerApprovalBody,
    user: string,
  ): Promise<PermissionResolvedEvent> {
    const { store, now } = this.parts
    const approval = await store.getApproval(runId, approvalId)
    if (approval === null) throw new MillraceError('not_found', `No approval ${approvalId.slice(0, 64)}`)
    const at = now()
    if (approval.answer === null && at >= approval.expiresAt) await this.expire(runId, approvalId)
    return store.answerApproval(runId, approvalId, { decision, by: 'person', user, message, at })
  }

  private watch(): () => void {
    const { store, after = monotonicClock.after } = this.parts
    const stopListening = store.onCommit((commit) => this.look(commit))
    let cancel: () => void
    let stopped = false
    // The next one is timed when this one is over: sweeps never overlap.
    const sweepLater = () => {
      cancel = after(sweepMs, async () => {
        await this.sweep()
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

  private look(commit: Commit): void {
    for (const event of commit.events) {
      if (event.type !== permissionTypes.resolved) continue
      if (this.ofRun(commit.runId).length > 0) this.settle(JSON.parse(event.json))
    }
  }

  private settle({ approvalId, decision, by, message }: PermissionResolvedEvent): void {
    const waiting = this.waiting.get(approvalId)
    if (waiting === undefined) return
    if (by === 'withdrawn') waiting.reject(new MillraceError('run_over', 'The run ended before the answer'))
    else waiting.resolve({ decision, by, ...(message === undefined ? {} : { message }) })
    this.forget(approvalId)
  }

  private forget(approvalId: string): void {
    this.waiting.delete(approvalId)
    if (this.waiting.size > 0) return
    this.stopWatching?.()
    this.stopWatching = null
  }

  private ofRun(runId: string): string[] {
    return [...this.waiting].filter(([, waiting]) => waiting.runId === runId).map(([id]) => id)
  }

  private async sweep(): Promise<void> {
    const runs = new Set([...this.waiting.values()].map(({ runId }) => runId))
    let failed = false
    for (const runId of runs) {
      try {
        await this.sweepRun(runId)
      } catch (error) {
        failed = true
        if (!this.troubled) {
          this.parts.log.warn({ run: runId, err: error }, 'open questions cannot be looked at; trying on')
        }
        this.troubled = true
      }
    }
    this.troubled = failed
  }

  private async sweepRun(runId: string): Promise<void> {
    const { store, now } = this.parts
    const asked = this.ofRun(runId)
    const open = new Map((await store.openApprovals(runId)).map(({ id, expiresAt }) => [id, expiresAt]))
    for (const id of asked) {
      const expiresAt = open.get(id)
      if (expiresAt === undefined) {
        // Answered, and the hint was lost; or on its way to the disk.
        const answer = (await store.getApproval(runId, id))?.answer ?? null
        if (answer !== null) this.settle(answer)
      } else if (expiresAt <= now()) {
        await this.expire(runId, id)
      }
    }
  }

  private async expire(runId: string, approvalId: string): Promise<void> {
    try {
      const at = this.parts.now()
      await this.parts.store.answerApproval(runId, approvalId, { decision: 'deny', by: 'expiry', at })
    } catch (error) {
      // Somebody was first.
      if (!(error instanceof MillraceError) || error.code !== 'already_answered') throw error
    }
  }
}
