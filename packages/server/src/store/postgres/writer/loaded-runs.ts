/**
 * The runs that a transaction is about. Their rows are locked and read before anything is decided, all in one round trip
 * and in the order of their ids, as every writer locks them. Events are numbered here, and written at the end.
 *
 * Invariants: a row here is as the transaction sees it, and a statement that changes a run's row changes it here, too;
 * whatever a transaction stores for a run is added to what the run takes, and so to what its owner does.
 */

import type { Message } from '@millrace/protocol'
import { type MessageColumns, messageOf } from '#store/batched/attachments'
import type { LogText, Operation } from '#store/batched/operations'
import type { Statement } from '#store/postgres/connection'
import { factColumns, isRunId, messageColumns } from '#store/postgres/rows'
import type { ProducerRow } from '#store/rules/produce'
import type { QuotaFacts } from '#store/rules/room'
import type { RunRow } from '#store/rules/rows'
import { JoinedEvents } from './joined-events.ts'
import type { OwnerBytes } from './owner-bytes.ts'
import type { Transaction } from './transaction.ts'

export interface LoadedRun extends RunRow {
  readonly n: number
  /** The head that its row has. */
  storedHead: number
  /** Events that have numbers and no row yet. */
  added: JoinedEvents
  /** By how many bytes the run takes more than its row says, these events aside. */
  grown: number
  /** Questions: those that are open, oldest first, and those that the batch names. */
  readonly approvals: Map<string, { answer: string | null }>
  /** Messages: those that are not delivered, oldest first, and those that the batch names. */
  readonly messages: Map<string, Message>
  readonly producers: Map<string, ProducerRow>
  /** The answers to a producer's batches that the batch names, by `producer seq`. */
  readonly answers: Map<string, { firstSeq: number; lastSeq: number }>
}

type FactsRow = Omit<RunRow, 'spec' | 'result' | 'error' | 'usage'> & { n: number }
type Details = Pick<RunRow, 'spec' | 'result' | 'error' | 'usage'>
type DetailsRow = Details & { run: number }

const lockRuns: Statement = {
  name: 'lock runs',
  text: `SELECT ${factColumns} FROM runs WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
}
const runsNamed = 'run IN (SELECT n FROM runs WHERE id = ANY ($1::uuid[]))'
const selectDetails: Statement = {
  name: 'details of runs',
  text: `SELECT run, spec, result, error, usage FROM details WHERE ${runsNamed}`,
}
const selectApprovals: Statement = {
  name: 'approvals of runs',
  text: `SELECT run, id, answer FROM approvals WHERE ${runsNamed} AND (answer IS NULL OR id = ANY ($2::text[])) ORDER BY n`,
}
const selectMessages: Statement = {
  name: 'messages of runs',
  text: `SELECT run, ${messageColumns} FROM messages
    WHERE ${runsNamed} AND (state IN ('waiting', 'taken') OR id = ANY ($2::text[])) ORDER BY n`,
}
const selectProducers: Statement = {
  name: 'producers of runs',
  text: `SELECT run, producer, epoch, next FROM producers WHERE ${runsNamed} AND producer = ANY ($2::text[])`,
}
const selectAnswers: Statement = {
  name: 'answers to producers',
  text: `SELECT b.run, b.producer, b.seq, b.first_seq AS "firstSeq", b.last_seq AS "lastSeq"
    FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS x (id, producer, seq)
    JOIN runs ON runs.id = x.id
    JOIN producer_batches b ON b.run = runs.n AND b.producer = x.producer AND b.seq = x.seq`,
}
const selectOwnerBytes: Statement = {
  name: 'bytes of owners of runs',
  text: `SELECT owner, sum(bytes)::bigint AS bytes FROM owner_bytes
    WHERE owner IN (SELECT owner FROM runs WHERE id = ANY ($1::uuid[])) GROUP BY owner`,
}
const insertBatches: Statement = {
  name: 'insert batches',
  text: `INSERT INTO batches (run, first_seq, last_seq, json_bytes, body, writer, flush)
    SELECT x.*, $6::int, $7::bigint FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::int[], $5::text[]) AS x`,
}
const updateHeads: Statement = {
  name: 'update heads',
  text: `UPDATE runs SET head = x.head, bytes = runs.bytes + x.bytes
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS x (n, head, bytes) WHERE runs.n = x.n`,
}

const updateParked: Statement = {
  name: 'mark parked',
  text: 'UPDATE runs SET parked = $2 WHERE n = $1',
}

export class LoadedRuns {
  readonly #tx: Transaction
  readonly #owners: OwnerBytes
  readonly #runs = new Map<string, LoadedRun>()
  readonly #byKey = new Map<number, LoadedRun>()
  /** What the runs of owners take without this transaction: of those whose quota is asked about. */
  readonly #ownerBytes = new Map<string, number>()

  constructor(tx: Transaction, owners: OwnerBytes) {
    this.#tx = tx
    this.#owners = owners
  }

  /** Locks and reads whatever the operations name. */
  async loadFor(operations: readonly Operation[]): Promise<void> {
    const named = namedBy(operations)
    const { runs, detailed, asked, told, bounded, produced, producers } = named
    if (runs.length === 0) return
    // In this order: what hangs on a run is read once its row is locked.
    const [facts, details, questions, said, taken, known, answers] = await Promise.all([
      this.#tx.ask<FactsRow>(lockRuns, [runs]),
      detailed.length === 0 ? [] : this.#tx.ask<DetailsRow>(selectDetails, [detailed]),
      asked.length === 0 ? [] : this.#tx.ask<ApprovalRow>(selectApprovals, [asked, named.approvals]),
      told.length === 0 ? [] : this.#tx.ask<NamedMessage>(selectMessages, [told, named.messages]),
      bounded.length === 0 ? [] : this.#tx.ask<OwnerRow>(selectOwnerBytes, [bounded]),
      produced.length === 0 ? [] : this.#tx.ask<NamedProducer>(selectProducers, [produced, producers]),
      produced.length === 0 ? [] : this.#tx.ask<AnswerRow>(selectAnswers, [produced, producers, named.seqs]),
    ])
    for (const row of facts) this.#take(row)
    for (const row of details) this.#detail(row)
    for (const { run, id, answer } of questions) this.#byKey.get(run)?.approvals.set(id, { answer })
    for (const { run, ...message } of said) this.#byKey.get(run)?.messages.set(message.id, messageOf(message))
    for (const { owner, bytes } of taken) this.#ownerBytes.set(owner, bytes)
    for (const { run, producer, epoch, next } of known)
      this.#byKey.get(run)?.producers.set(producer, { epoch, next })
    for (const { run, producer, seq, firstSeq, lastSeq } of answers) {
      this.#byKey.get(run)?.answers.set(`${producer} ${seq}`, { firstSeq, lastSeq })
    }
  }

  /** Locks and reads one run, with its details. */
  async load(id: string): Promise<LoadedRun | undefined> {
    if (!isRunId(id)) return undefined
    const [facts, details] = await Promise.all([
      this.#runs.has(id) ? [] : this.#tx.ask<FactsRow>(lockRuns, [[id]]),
      this.#tx.ask<DetailsRow>(selectDetails, [[id]]),
    ])
    for (const row of facts) this.#take(row)
    for (const row of details) this.#detail(row)
    return this.#runs.get(id)
  }

  /** Locks and reads the run that a statement for claims finds, with its details. */
  async claimable(statement: Statement, values: unknown[]): Promise<LoadedRun | undefined> {
    const [found] = await this.#tx.ask<FactsRow & Details>(statement, values)
    if (found === undefined) return undefined
    const { spec, result, error, usage } = found
    const run = this.#runs.get(found.id) ?? this.#take(found)
    return Object.assign(run, { spec, result, error, usage })
  }

  open(id: string): LoadedRun | undefined {
    return this.#runs.get(id)
  }

  /** Takes in a run whose row was just inserted. */
  opened(row: RunRow, n: number): LoadedRun {
    return this.#take({ ...row, n })
  }

  /** Numbers the events; returns the first number. */
  add(run: LoadedRun, log: readonly LogText[]): number {
    const firstSeq = run.head + 1
    run.added.add(log)
    run.head = run.storedHead + run.added.count
    return firstSeq
  }

  /** Counts what is stored of the run besides its events; negative: what is no longer. */
  grow(run: LoadedRun, bytes: number): void {
    run.grown += bytes
  }

  /** What the transaction has added to what the runs of an owner take. */
  addedBytes(owner: string): number {
    const runs = [...this.#runs.values()].filter((run) => run.owner === owner)
    return runs.reduce((sum, run) => sum + run.grown + run.added.bytes, this.#owners.of(owner))
  }

  /** What the runs of an owner take, where there is a limit to it. Of a run that was loaded for an operation with this limit. */
  quotaFacts({ owner }: Pick<LoadedRun, 'owner'>, ownerBytesMax: number | undefined): QuotaFacts {
    const known = this.#ownerBytes.get(owner) ?? 0
    const ownerBytes = ownerBytesMax === undefined ? 0 : known + this.addedBytes(owner)
    return { owner, ownerBytesMax, ownerBytes }
  }

  /** Null changes nothing. */
  setParked(run: LoadedRun, change: Pick<RunRow, 'parked'> | null): void {
    if (change === null) return
    this.#tx.post(updateParked, [run.n, change.parked])
    run.parked = change.parked
  }

  /** Forgets a run whose row is gone; its events must have been written. */
  forget(id: string): void {
    this.#runs.delete(id)
  }

  /** Posts the events that were numbered, with the heads of their runs. */
  write(writer: number, flush: number): void {
    const runs = [...this.#runs.values()].filter(({ added, grown }) => added.count > 0 || grown !== 0)
    if (runs.length === 0) return
    const rows = runs.flatMap((run) =>
      run.added.rows.map((row) => ({ n: run.n, before: run.storedHead, ...row })),
    )
    if (rows.length > 0) {
      this.#tx.post(insertBatches, [
        rows.map(({ n }) => n),
        rows.map(({ before, first }) => before + first),
        rows.map(({ before, last }) => before + last),
        rows.map(({ jsonBytes }) => jsonBytes),
        rows.map(({ body }) => body),
        writer,
        flush,
      ])
    }
    const bytes = runs.map(({ added, grown }) => added.bytes + grown)
    this.#tx.post(updateHeads, [runs.map(({ n }) => n), runs.map(({ head }) => head), bytes])
    for (const [index, run] of runs.entries()) {
      this.#owners.add(run.owner, bytes[index] ?? 0)
      run.storedHead = run.head
      run.added = new JoinedEvents()
      run.grown = 0
    }
  }

  #take(row: FactsRow & Partial<Details>): LoadedRun {
    const details = { spec: '{}', result: null, error: null, usage: null }
    const run: LoadedRun = {
      ...details,
      ...row,
      storedHead: row.head,
      added: new JoinedEvents(),
      grown: 0,
      approvals: new Map(),
      messages: new Map(),
      producers: new Map(),
      answers: new Map(),
    }
    this.#runs.set(row.id, run)
    this.#byKey.set(row.n, run)
    return run
  }

  #detail({ run, ...details }: DetailsRow): void {
    const loaded = this.#byKey.get(run)
    if (loaded !== undefined) Object.assign(loaded, details)
  }
}

interface ApprovalRow {
  run: number
  id: string
  answer: string | null
}
interface NamedMessage extends MessageColumns {
  run: number
}
interface OwnerRow {
  owner: string
  bytes: number
}
interface NamedProducer extends ProducerRow {
  run: number
  producer: string
}
interface AnswerRow {
  run: number
  producer: string
  seq: number
  firstSeq: number
  lastSeq: number
}

interface Named {
  runs: string[]
  /** Runs whose whole row is an answer. */
  detailed: string[]
  /** Runs whose questions matter, and the questions that are named. */
  asked: string[]
  approvals: string[]
  /** Runs whose messages matter, and the messages that are named. */
  told: string[]
  messages: string[]
  /** Runs of which the quota of their owner is asked about. */
  bounded: string[]
  /** Of one batch of a producer each. */
  produced: string[]
  producers: string[]
  seqs: number[]
}

function namedBy(operations: readonly Operation[]): Named {
  const runs = new Set<string>()
  const detailed = new Set<string>()
  const named: Named = {
    runs: [],
    detailed: [],
    asked: [],
    approvals: [],
    told: [],
    messages: [],
    bounded: [],
    produced: [],
    producers: [],
    seqs: [],
  }
  for (const operation of operations) {
    if (!('run' in operation) || typeof operation.run !== 'string' || !isRunId(operation.run)) continue
    runs.add(operation.run)
    if (ownerBytesMaxOf(operation) !== undefined) named.bounded.push(operation.run)
    switch (operation.op) {
      case 'append':
      case 'transcript':
        break
      case 'ask':
      case 'answer':
        named.asked.push(operation.run)
        named.approvals.push(operation.approval)
        break
      case 'park':
        named.asked.push(operation.run)
        named.told.push(operation.run)
        detailed.add(operation.run)
        break
      case 'say':
        named.told.push(operation.run)
        named.messages.push(operation.message.id)
        break
      case 'take':
        named.told.push(operation.run)
        break
      case 'deliver':
      case 'withdraw':
        named.told.push(operation.run)
        named.messages.push(operation.message)
        break
      case 'produce':
        if (operation.producer === null) break
        named.produced.push(operation.run)
        named.producers.push(operation.producer)
        named.seqs.push(operation.seq)
        break
      case 'finish':
        named.asked.push(operation.run)
        detailed.add(operation.run)
        break
      default:
        detailed.add(operation.run)
    }
  }
  return { ...named, runs: [...runs], detailed: [...detailed] }
}

/** Of an operation that the quota of the run's owner may refuse. */
function ownerBytesMaxOf(operation: Operation): number | undefined {
  if (operation.op === 'say') return operation.limits.ownerBytesMax
  return operation.op === 'answer' || operation.op === 'finish' ? operation.ownerBytesMax : undefined
}

/** The row as it is now; the run may change, the row does not. */
export function rowOf(run: LoadedRun): RunRow {
  const { n: _n, storedHead: _head, added: _added, approvals: _approvals, ...rest } = run
  const { messages: _messages, producers: _producers, answers: _answers, grown: _grown, ...row } = rest
  return row
}
