/**
 * Writes batches to Postgres. Owns the connection for writing and the numbers of its flushes.
 *
 * Every flush takes its number in its own transaction, by a compare-and-set on the row of this node. A connection may be
 * lost after a flush was sent: whether it was committed is unknown, and it may even be committed later, when its statement is
 * still on its way to a server process. So it is sent again under its number until one answer is known: of all that were
 * sent, one is committed. A node that others have declared dead can take no number: it writes nothing any longer.
 *
 * Invariants: one batch at a time; what a reply acknowledges is durable; operations take effect in their order.
 */
import type { BatchReply, CredentialOperation, Operation, OperationResult } from '#store/batched/operations'
import { type Client, failureOf } from '#store/postgres/connection'
import { NodeLost } from '#store/postgres/ended'
import type { Link } from '#store/postgres/link'
import { refusal } from '#store/rules/refusal'
import { type AppendPlan, type AppendResults, flush, planAppends, readFlushed } from './append-flush.ts'
import { writeCredential } from './credential-writer.ts'
import { LoadedRuns } from './loaded-runs.ts'
import { OwnerBytes } from './owner-bytes.ts'
import { runWriter } from './run-writer.ts'
import { Tallies } from './tallies.ts'
import { Transaction } from './transaction.ts'

interface Flush {
  readonly number: number
  /** What the newest transaction that was sent decided: its answer, should it turn out to be committed. */
  decided: OperationResult[] | null
}

const conflictPauseMs = 20

export class Writing {
  readonly #link: Link
  readonly #node: number
  #number = 0
  #acknowledged = 0

  /** `node` is the key of this node's row, made for this opening: its flushes are counted from 1. */
  constructor(link: Link, node: number) {
    this.#link = link
    this.#node = node
  }

  /** The number of the last flush that is known to be committed. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  async send(operations: readonly Operation[]): Promise<BatchReply> {
    try {
      return await this.#send(operations)
    } catch (error) {
      switch (failureOf(error)) {
        case 'full':
          return {
            results: [],
            stopped: { kind: 'full', message: `the database has no room: ${messageOf(error)}` },
          }
        case 'failed':
          return { results: [], stopped: { kind: 'failed', message: messageOf(error) } }
        default:
          throw error
      }
    }
  }

  async #send(operations: readonly Operation[]): Promise<BatchReply> {
    const plan = planAppends(operations)
    if (plan === null) return this.#write(operations)
    const results = await this.#append(plan).catch((error) => {
      if (failureOf(error) === 'bad') return null
      throw error
    })
    // One of them is bad in a way that no rule foresees.
    if (results === null) return this.#writeSingly(operations)
    const refused = operations.filter((_, index) => !results.has(index))
    const { results: reasons } = refused.length === 0 ? { results: [] } : await this.#write(refused)
    const rest = reasons[Symbol.iterator]()
    const unwritten = refusal('storage_full', 'the database has no room')
    return {
      results: operations.map((_, index) => results.get(index) ?? rest.next().value ?? unwritten),
      stopped: null,
    }
  }

  #append(plan: AppendPlan): Promise<AppendResults> {
    return this.#numbered(async (client, { number }) => {
      const named = { node: this.#node, number }
      const results = await flush(client, plan, named)
      if (results !== null) return results
      await this.#checkCommitted(client, number)
      return readFlushed(client, plan, named)
    })
  }

  async #write(operations: readonly Operation[]): Promise<BatchReply> {
    try {
      return {
        results: await this.#numbered((client, flush) => this.#transact(client, flush, operations)),
        stopped: null,
      }
    } catch (error) {
      if (failureOf(error) !== 'bad') throw error
      // Alone, each stands or falls by itself.
      return operations.length === 1
        ? { results: [refusal('internal', messageOf(error))], stopped: null }
        : this.#writeSingly(operations)
    }
  }

  async #writeSingly(operations: readonly Operation[]): Promise<BatchReply> {
    const results: OperationResult[] = []
    for (const operation of operations) {
      const reply = await this.#write([operation]).catch((error): BatchReply => {
        if (failureOf(error) !== 'full') throw error
        return { results: [], stopped: { kind: 'full', message: messageOf(error) } }
      })
      results.push(...reply.results)
      if (reply.stopped !== null) return { results, stopped: reply.stopped }
    }
    return { results, stopped: null }
  }

  async #transact(
    client: Client,
    flush: Flush,
    operations: readonly Operation[],
  ): Promise<OperationResult[]> {
    const tx = new Transaction(client)
    try {
      // The first questions travel with the beginning: what is found is of use only if the flush may be written.
      const begun = tx.begin(this.#node, flush.number)
      const [, decided] = await Promise.allSettled([begun, this.#decide(tx, flush.number, operations)])
      if (!(await begun)) {
        await tx.rollBack()
        await this.#checkCommitted(client, flush.number)
        if (flush.decided === null) throw new Error(`flush ${flush.number} was committed and never decided`)
        return flush.decided
      }
      if (decided.status === 'rejected') throw decided.reason
      flush.decided = decided.value
      await tx.commit()
      return decided.value
    } catch (error) {
      if (failureOf(error) !== 'away') await tx.rollBack()
      throw error
    }
  }

  async #decide(
    tx: Transaction,
    number: number,
    operations: readonly Operation[],
  ): Promise<OperationResult[]> {
    const owners = new OwnerBytes()
    const runs = new LoadedRuns(tx, owners)
    const tallies = new Tallies()
    const writeEvents = () => runs.write(this.#node, number)
    const write = runWriter({ tx, runs, tallies, owners, flush: writeEvents })
    await runs.loadFor(operations)
    const results: OperationResult[] = []
    for (const operation of operations) {
      results.push(await (isOfCredential(operation) ? writeCredential(operation, tx) : write(operation)))
    }
    writeEvents()
    tallies.write(tx, this.#node)
    owners.write(tx, this.#node)
    return results
  }

  /** Calls `attempt` under one number until what became of it is known. */
  async #numbered<Result>(attempt: (client: Client, flush: Flush) => Promise<Result>): Promise<Result> {
    this.#number += 1
    const flush: Flush = { number: this.#number, decided: null }
    for (;;) {
      const client = await this.#link.ready()
      try {
        const result = await attempt(client, flush)
        this.#acknowledged = flush.number
        return result
      } catch (error) {
        const failure = failureOf(error)
        if (failure === 'away') this.#link.lose(client, messageOf(error))
        else if (failure !== 'conflict') throw error
        else await new Promise((done) => setTimeout(done, Math.random() * conflictPauseMs))
      }
    }
  }

  /** The number could not be taken: either the flush is committed, or the node is dead. */
  async #checkCommitted(client: Client, number: number): Promise<void> {
    const { rows } = await client.query({
      name: 'look at node',
      text: 'SELECT dead, last_flush AS "lastFlush" FROM nodes WHERE n = $1',
      values: [this.#node],
    })
    if (rows[0]?.dead !== false || rows[0]?.lastFlush !== number) throw new NodeLost()
  }
}

function isOfCredential(operation: Operation): operation is CredentialOperation {
  return operation.op.startsWith('credential-')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
