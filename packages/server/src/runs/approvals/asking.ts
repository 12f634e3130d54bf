/**
 * The questions that one active run puts to people.
 *
 * Owns which of its calls are being asked about, and which answers this attempt has used. Invariants: one question a call,
 * also when the run was parked in between; an answer is for one call, unless it holds for the whole run; a question is on disk
 * before anyone can answer it.
 */
import { createHash, randomUUID } from 'node:crypto'
import { MillraceError, type PermissionRequestedEvent, permissionTypes } from '@millrace/protocol'
import type { ApprovalAnswer, ApprovalRequest, EmittedEvent } from '#runners/runner'
import type { ApprovalStore, EventInput, RunRecord } from '#store/store'
import { type Approvals, answerOf } from './approvals.ts'

export interface AskingParts {
  run: RunRecord
  store: Pick<ApprovalStore, 'requestApproval' | 'answerApproval' | 'approvalOfCall' | 'openApprovals'>
  approvals: Pick<Approvals, 'waitFor' | 'giveUp'>
  approvalSeconds: number
  now: () => number
  signal: AbortSignal
  toInput(event: EmittedEvent): EventInput
  /** Begins a write of the run, whose failure ends it. */
  track(begin: () => Promise<void>): Promise<void>
}

export class Asking {
  readonly #parts: AskingParts
  /** Approvals that are open, by the call. */
  readonly #open = new Map<string, string>()
  /** Approvals that a call of this attempt has, or waits for. */
  readonly #used = new Set<string>()

  constructor(parts: AskingParts) {
    this.#parts = parts
  }

  /** The oldest approval that is open. */
  get open(): string | null {
    return this.#open.values().next().value ?? null
  }

  /** The end of the run waits for the request to be on disk, not for the answer, which may never arrive. */
  ask(request: ApprovalRequest): Promise<ApprovalAnswer> {
    const { run } = this.#parts
    const answer = run.parked === null ? this.#askNew(request) : this.#askAgain(request)
    // A runner that no longer looks needs no rejection.
    answer.catch(() => {})
    return answer
  }

  async withdraw(toolUseId: string): Promise<void> {
    const { run, store, now, track } = this.#parts
    const known = this.#open.get(toolUseId)
    const id = known ?? (run.parked === null ? undefined : await this.#waitedFor())
    if (id === undefined) return
    await track(async () => {
      try {
        await store.answerApproval(run.id, id, { decision: 'deny', by: 'withdrawn', at: now() })
      } catch (error) {
        // A person was first.
        if (!(error instanceof MillraceError) || error.code !== 'already_answered') throw error
      }
    })
  }

  /** A run that is woken may not have asked again: what it waited for is open, and is about none of the calls it asked about. */
  async #waitedFor(): Promise<string | undefined> {
    const open = await this.#parts.store.openApprovals(this.#parts.run.id)
    const asked = new Set(this.#open.values())
    return open.find(({ id }) => !asked.has(id))?.id
  }

  async #askAgain(request: ApprovalRequest): Promise<ApprovalAnswer> {
    const { run, store } = this.#parts
    const known = await store.approvalOfCall(run.id, callOf(request))
    // Models repeat their ids: what was put off is made once, and a call like it is a new one.
    if (known === null || (this.#used.has(known.id) && known.answer?.scope !== 'run'))
      return this.#askNew(request)
    this.#used.add(known.id)
    return known.answer === null ? this.#wait(request.toolUseId, known.id) : answerOf(known.answer)
  }

  #askNew(request: ApprovalRequest): Promise<ApprovalAnswer> {
    const { approvals, track } = this.#parts
    const id = randomUUID()
    this.#used.add(id)
    const answer = this.#wait(request.toolUseId, id)
    track(() => this.#request(id, request)).catch((error) => approvals.giveUp(id, error))
    return answer
  }

  async #wait(toolUseId: string, id: string): Promise<ApprovalAnswer> {
    const { run, approvals, signal } = this.#parts
    const answer = approvals.waitFor(run.id, id)
    this.#open.set(toolUseId, id)
    if (signal.aborted) approvals.giveUp(id, signal.reason)
    try {
      return await answer
    } finally {
      // The run may end without an answer; who looks then wants to know what it waited for.
      if (!signal.aborted) this.#open.delete(toolUseId)
    }
  }

  async #request(id: string, request: ApprovalRequest): Promise<void> {
    const { run, store, approvalSeconds, now, signal, toInput } = this.#parts
    if (signal.aborted) return
    const expiresAt = now() + approvalSeconds * 1000
    const data: PermissionRequestedEvent = { ...request, approvalId: id, expiresAt }
    const event = toInput({ type: permissionTypes.requested, data })
    await store.requestApproval(run.id, run.attempt, { id, expiresAt, call: callOf(request), event })
  }
}

/** A call is what it does: the same id with another input is asked about anew. */
function callOf({ toolUseId, tool, input }: ApprovalRequest): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([tool, input]))
    .digest('base64')
  return `${toolUseId} ${digest}`
}
