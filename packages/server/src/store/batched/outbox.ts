/**
 * All writes of a store on their way to its backend. Owns the operations not yet acknowledged, and the
 * status.
 *
 * Invariants: operations are written in the order they were submitted; at most one batch is with the
 * backend, and what arrives meanwhile makes up the next; a promise is settled only by the reply to its
 * batch, or by a failure. After a reply all its promises are settled, in order, and then, before any
 * continuation of theirs runs, its commits are announced, in order.
 *
 * While the disk is full the work of runs stays here and is tried again. A request from outside (a new
 * run, a login) is refused at once. Deletions, requests to end a run, and then all that such a run still
 * writes are urgent: they overtake the rest, and the backend keeps room for them.
 *
 * While the database is away the work of runs stays here as well, and requests from outside are refused at once. One that
 * was on its way when the database went is answered when it is known what became of it.
 */
import { type ErrorCode, MillraceError } from '@millrace/protocol'
import type { Commit, StoredEvent, StoreStatus } from '#store/store'
import { commitsOf } from './commits.ts'
import type { BatchReply, Operation, OperationResult, Stop } from './operations.ts'

export type Written = Exclude<OperationResult, { kind: 'refused' }>

export interface Submission {
  operation: Operation
  /** The events that the operation appends; they get their numbers when it is acknowledged. */
  events: StoredEvent[]
  /** How many characters are sent, roughly. */
  size: number
  resolve(result: Written): void
  reject(error: Error): void
}

export interface OutboxOptions {
  /** `urgent`: the backend may use the room that it keeps for what makes room. */
  send(operations: Operation[], urgent: boolean): Promise<BatchReply>
  onCommit(commit: Commit): void
  onStatus(status: StoreStatus): void
  onFatal(error: Error): void
  /** Called after a commit with what it wrote and how long it took. */
  onBatch?: ((batch: WrittenBatch) => void) | undefined
  retryFullMs: number
}

export interface WrittenBatch {
  operations: number
  seconds: number
}

const batchOperations = 5000
/** What a caller is advised to wait for a database that is away. */
const awayRetrySeconds = 2
const batchSize = 8 * 1024 * 1024

export class Outbox {
  readonly #options: OutboxOptions
  #waiting: Submission[] = []
  #inFlight: Submission[] | null = null
  #urgent = false
  /** Even what is urgent found no room: it waits for the retry, too. */
  #urgentWaits = false
  /** Runs whose end was requested while the disk was full. */
  readonly #ending = new Set<string>()
  #sentAt = 0
  #scheduled: NodeJS.Immediate | null = null
  #retry: NodeJS.Timeout | null = null
  #status: StoreStatus = { kind: 'ok' }
  #closed = false
  #drained: (() => void) | null = null
  #drainWhileFullMs = 0
  #giveUp: NodeJS.Timeout | null = null

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  get status(): StoreStatus {
    return this.#status
  }

  submit(submission: Submission): void {
    const refusal = this.#refusalOf(submission.operation)
    if (refusal !== null) {
      submission.reject(refusal)
      return
    }
    if (submission.operation.op === 'end' && this.#status.kind === 'full')
      this.#ending.add(submission.operation.run)
    this.#waiting.push(submission)
    this.#schedule()
  }

  #refusalOf({ op }: Operation): MillraceError | null {
    if (this.#closed) return new MillraceError('draining', 'The store is closed')
    if (this.#status.kind === 'failed') return this.#error()
    if (this.#status.kind === 'away') return waitsForRoom(op) ? null : this.#error()
    return this.#status.kind === 'full' && !waitsForRoom(op) && !makesRoom(op) ? this.#error() : null
  }

  #settle(reply: BatchReply): void {
    const batch = this.#inFlight
    // Null: it was given up meanwhile.
    if (batch === null) return
    this.#inFlight = null
    const written = batch.slice(0, reply.results.length)
    if (written.length > 0) {
      const seconds = (performance.now() - this.#sentAt) / 1000
      this.#options.onBatch?.({ operations: written.length, seconds })
    }
    reply.results.forEach((result, index) => {
      const submission = written[index]
      if (submission === undefined) return
      if (result.kind === 'refused') submission.reject(new MillraceError(result.code, result.message, result))
      else submission.resolve(result)
    })
    for (const commit of commitsOf(written, reply.results)) this.#options.onCommit(commit)
    if (reply.stopped === null) {
      if (!this.#urgent) this.#becomeOk()
    } else {
      this.#waiting = [...batch.slice(written.length), ...this.#waiting]
      if (reply.stopped.kind === 'full') this.#becomeFull(reply.stopped, this.#urgent)
      else this.fail(reply.stopped.message)
    }
    this.#schedule()
  }

  /** What the backend writes to cannot be reached, for this reason, or, with null, can be again. */
  away(reason: string | null): void {
    if (this.#status.kind === 'failed') return
    if (reason === null) {
      if (this.#status.kind === 'away') this.#setStatus({ kind: 'ok' })
      return
    }
    this.#setStatus({ kind: 'away', message: reason })
    const refused = this.#waiting.filter(({ operation }) => !waitsForRoom(operation.op))
    this.#waiting = this.#waiting.filter(({ operation }) => waitsForRoom(operation.op))
    for (const submission of refused) submission.reject(this.#error())
    if (this.#drained !== null) this.#armGiveUp()
  }

  /** From here on nothing can be promised. */
  fail(message: string): void {
    if (this.#status.kind === 'failed') return
    this.#stopRetrying()
    this.#setStatus({ kind: 'failed', message })
    this.#rejectAll()
    this.#options.onFatal(this.#error())
    this.#finishDrain()
  }

  /**
   * Refuses new operations and resolves when all that were submitted are settled. While the disk is full, or
   * the database away, it waits no longer than `whileFullMs`, then rejects the rest.
   */
  drain(whileFullMs: number): Promise<void> {
    this.#closed = true
    this.#drainWhileFullMs = whileFullMs
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#drained = resolve
    if (this.#status.kind === 'full' || this.#status.kind === 'away') this.#armGiveUp()
    this.#schedule()
    return promise
  }

  #schedule(): void {
    if (this.#inFlight !== null || this.#scheduled !== null) return
    if (this.#retry !== null && !this.#mayOvertake()) return
    if (this.#waiting.length === 0) {
      this.#finishDrain()
      return
    }
    // Not at once: everything submitted in this turn of the event loop goes together.
    this.#scheduled = setImmediate(() => {
      this.#scheduled = null
      this.#sendNext()
    })
  }

  #mayOvertake(): boolean {
    return !this.#urgentWaits && this.#waiting.some((submission) => this.#isUrgent(submission))
  }

  #isUrgent({ operation }: Submission): boolean {
    return (
      makesRoom(operation.op) ||
      ('run' in operation && typeof operation.run === 'string' && this.#ending.has(operation.run))
    )
  }

  #sendNext(): void {
    // Before the retry, only what is urgent; in its order, as the rest keeps its own.
    this.#urgent = this.#retry !== null
    if (this.#urgent) {
      const urgent = this.#waiting.filter((submission) => this.#isUrgent(submission))
      this.#waiting = this.#waiting.filter((submission) => !this.#isUrgent(submission))
      if (urgent.length > 0) this.#send(urgent)
      return
    }
    let size = 0
    let count = 0
    for (const submission of this.#waiting) {
      size += submission.size
      if (count === batchOperations || (count > 0 && size > batchSize)) break
      count += 1
    }
    if (count === 0) {
      this.#finishDrain()
      return
    }
    const batch = count === this.#waiting.length ? this.#waiting : this.#waiting.slice(0, count)
    this.#waiting = count === this.#waiting.length ? [] : this.#waiting.slice(count)
    this.#send(batch)
  }

  #send(batch: Submission[]): void {
    this.#inFlight = batch
    this.#sentAt = performance.now()
    const operations = batch.map((submission) => submission.operation)
    this.#options.send(operations, this.#urgent).then(
      (reply) => this.#settle(reply),
      (error) => this.fail(`the store cannot be written: ${messageOf(error)}`),
    )
  }

  #becomeOk(): void {
    this.#stopRetrying()
    this.#ending.clear()
    if (this.#status.kind === 'full') this.#setStatus({ kind: 'ok' })
  }

  #becomeFull({ message }: Stop, evenUrgent: boolean): void {
    if (this.#status.kind !== 'full') this.#setStatus({ kind: 'full', message })
    const stays = ({ operation: { op } }: Submission) => waitsForRoom(op) || (!evenUrgent && makesRoom(op))
    const refused = this.#waiting.filter((submission) => !stays(submission))
    this.#waiting = this.#waiting.filter(stays)
    for (const { operation } of this.#waiting) if (operation.op === 'end') this.#ending.add(operation.run)
    for (const submission of refused) submission.reject(this.#error())
    if (this.#drained !== null) {
      if (this.#waiting.length === 0) {
        this.#finishDrain()
        return
      }
      this.#armGiveUp()
    }
    if (evenUrgent) this.#urgentWaits = true
    if (this.#retry !== null) return
    this.#retry = setTimeout(() => {
      this.#retry = null
      this.#urgentWaits = false
      // An urgent batch is under way: its reply sends the next.
      if (this.#inFlight !== null) return
      if (this.#waiting.length === 0) this.#waiting.push(probe())
      this.#sendNext()
    }, this.#options.retryFullMs)
  }

  #armGiveUp(): void {
    this.#giveUp ??= setTimeout(() => {
      this.#stopRetrying()
      this.#rejectAll()
      this.#finishDrain()
    }, this.#drainWhileFullMs)
  }

  #stopRetrying(): void {
    if (this.#retry !== null) clearTimeout(this.#retry)
    if (this.#giveUp !== null) clearTimeout(this.#giveUp)
    this.#retry = null
    this.#giveUp = null
  }

  #rejectAll(): void {
    const rest = [...(this.#inFlight ?? []), ...this.#waiting]
    this.#inFlight = null
    this.#waiting = []
    for (const submission of rest) submission.reject(this.#error())
  }

  #finishDrain(): void {
    if (this.#drained === null) return
    this.#stopRetrying()
    this.#drained()
    this.#drained = null
  }

  #setStatus(status: StoreStatus): void {
    this.#status = status
    this.#options.onStatus(status)
  }

  #error(): MillraceError {
    if (this.#status.kind === 'ok') return new MillraceError('storage_failed', 'The store failed')
    const code: ErrorCode = `storage_${this.#status.kind}`
    const retryAfter = this.#status.kind === 'away' ? { retryAfter: awayRetrySeconds } : {}
    return new MillraceError(code, this.#status.message, retryAfter)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function waitsForRoom(op: Operation['op']): boolean {
  switch (op) {
    case 'create':
    case 'answer':
    case 'say':
    case 'withdraw':
    case 'seal':
    case 'prune':
    case 'delete':
    case 'reclaim':
    case 'credential-add':
    case 'credential-take':
    case 'credential-revoke':
      return false
    default:
      return true
  }
}

function makesRoom(op: Operation['op']): boolean {
  return op === 'prune' || op === 'delete' || op === 'reclaim' || op === 'credential-sweep' || op === 'end'
}

function probe(): Submission {
  return { operation: { op: 'probe' }, events: [], size: 0, resolve: () => {}, reject: () => {} }
}
