/**
 * The questions that one active run puts to people.
 *
 * Owns which of its calls are being asked about, and which answers this attempt has used. Invariants: one question a call,
 * also when the run was parked in between; an answer is for one call, unless it holds for the whole run, also when the run is
 * parked again; a question is on disk before anyone can answer it.
 */
import { createHash, randomUUID } from 'node:crypto'
import { MillraceError, type PermissionRequestedEvent, permissionTypes } from '@millrace/protocol'
import type { ApprovalAnswer, ApprovalRequest, EmittedEvent } from '#runners/runner'
import type { Approval, ApprovalStore, EventInput, LogStore, RunRecord } from '#store/store'
import { type Approvals, answerOf } from './approvals.ts'
import { putOffQuestions } from './put-off.ts'

export interface AskingParts {
  run: RunRecord
  store: Pick<ApprovalStore, 'requestApproval' | 'answerApproval' | 'approvalOfCall' | 'openApprovals'> &
    Pick<LogStore, 'readAfter'>
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
  /** The call of each approval that is open. Agents may use the id of a call twice. */
  readonly #open = new Map<string, string>()
  /** Calls of a run that was woken, while their earlier approvals are looked up. */
  readonly #lookups = new Set<Promise<unknown>>()
  /** Approvals that a call of this attempt has, or waits for. */
  readonly #used = new Set<string>()
  /** Of the calls that were put off when the run was parked. */
  #putOff: Promise<ReadonlySet<string>> | null = null

  constructor(parts: AskingParts) {
    this.#parts = parts
  }

  /** The oldest approval that is open. */
  get open(): string | null {
    return this.#open.keys().next().value ?? null
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
    // A call whose approval is being looked up has none yet.
    if (run.parked !== null) await Promise.allSettled(this.#lookups)
    const ids = [...this.#open].flatMap(([id, call]) => (call === toolUseId ? [id] : []))
    if (ids.length === 0 && run.parked !== null) ids.push(...(await this.#waitedFor()))
    const withdrawOne = async (id: string) => {
      try {
        await store.answerApproval(run.id, id, { decision: 'deny', by: 'withdrawn', at: now() })
      } catch (error) {
        // A person was first.
        if (!(error instanceof MillraceError) || error.code !== 'already_answered') throw error
      }
    }
    await Promise.all(ids.map((id) => track(() => withdrawOne(id))))
  }

  /** A run that is woken may not have asked again: what it waited for is open, and is about none of the calls it asked about. */
  async #waitedFor(): Promise<string[]> {
    const open = await this.#parts.store.openApprovals(this.#parts.run.id)
    return open
      .filter(({ id }) => !this.#used.has(id))
      .map(({ id }) => id)
      .slice(0, 1)
  }

  async #askAgain(request: ApprovalRequest): Promise<ApprovalAnswer> {
    const asked = this.#lookUp(request).then((known) => {
      if (known === null) return { answer: this.#askNew(request) }
      const { id, answer } = known
      return {
        answer: answer === null ? this.#wait(request.toolUseId, id) : Promise.resolve(answerOf(answer)),
      }
    })
    this.#lookups.add(asked)
    try {
      return (await asked).answer
    } finally {
      this.#lookups.delete(asked)
    }
  }

  /** Returns the approval that this call may use, which no other call then uses. Null: there is none. */
  async #lookUp(request: ApprovalRequest): Promise<Approval | null> {
    const { run, store } = this.#parts
    const known = await store.approvalOfCall(run.id, callOf(request))
    if (known === null) return null
    if (known.answer?.scope !== 'run') {
      this.#putOff ??= putOffQuestions(run, store)
      const putOff = await this.#putOff
      // Models repeat their ids: what was put off is made once, and a call like it is a new one.
      if (this.#used.has(known.id) || (known.answer !== null && !putOff.has(known.id))) return null
    }
    this.#used.add(known.id)
    return known
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
    this.#open.set(id, toolUseId)
    if (signal.aborted) approvals.giveUp(id, signal.reason)
    try {
      return await answer
    } finally {
      // The run may end without an answer; who looks then wants to know what it waited for.
      if (!signal.aborted) this.#open.delete(id)
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
