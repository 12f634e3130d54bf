/**
 * Connections to Postgres: how one is opened, and what an error on it means.
 *
 * A connection sends its statements without waiting for the answers of those before (`pipeline`), so that a
 * transaction costs few round trips.
 */
import { DatabaseError, Client as PgClient, types } from 'pg'
import { Ended } from './ended.ts'
import type { ConnectionSettings } from './settings.ts'

export type Client = PgClient

/** A statement with a name is parsed once a connection. */
export interface Statement {
  name: string
  text: string
}

const int8 = 20
const numeric = 1700

/** Counts, times and keys of this store are far below 2^53. */
const parsers: { getTypeParser: typeof types.getTypeParser } = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    format !== 'binary' && (oid === int8 || oid === numeric)
      ? Number
      : types.getTypeParser(oid, format as 'text')) as typeof types.getTypeParser,
}

const connectMs = 5000
/** An answer that takes longer is given up with its connection; every write is safe to repeat. */
const answerMs = 20_000
/** A transaction whose client is gone without a trace holds its locks no longer than this. */
const idleTransactionMs = 10_000
const closeMs = 2000

/** Connects; `lost` is called once when the connection ends later, unless `close` ended it. */
export async function connect(
  settings: ConnectionSettings,
  role: string,
  lost: (reason: string) => void,
): Promise<Client> {
  const client = new PgClient({
    ...settings,
    types: parsers,
    pipeline: true,
    keepAlive: true,
    connectionTimeoutMillis: connectMs,
    query_timeout: answerMs,
    application_name: `millrace ${role}`,
  })
  let reason = 'the connection ended'
  let open = false
  client.on('error', (error) => {
    reason = error.message
  })
  client.on('end', () => {
    if (open && !endings.has(client)) lost(reason)
  })
  try {
    await client.connect()
    await setUp(client)
  } catch (error) {
    await close(client)
    throw error
  }
  open = true
  return client
}

const endings = new WeakSet<Client>()

/** Ends a connection; statements on their way are answered first if the server answers soon. */
export async function close(client: Client): Promise<void> {
  endings.add(client)
  const timer = setTimeout(() => drop(client), closeMs)
  await client.end().catch(() => {})
  clearTimeout(timer)
}

/** Drops a connection at once, whatever is on its way. */
export function drop(client: Client): void {
  endings.add(client)
  // Its socket is not part of the public types.
  ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
}

/** Not among the parameters of the start: poolers refuse those that they do not know. */
async function setUp(client: Client): Promise<void> {
  await client.query(`SET idle_in_transaction_session_timeout = ${idleTransactionMs}`)
  const { rows } = await client.query(
    `SELECT pg_is_in_recovery() AS standby, current_setting('synchronous_commit') AS synchronous`,
  )
  // A standby answers reads and refuses writes; it may become the primary.
  if (rows[0]?.standby === true) throw new Standby()
  // What is acknowledged is durable, whatever the server's default is. Its stricter settings stay.
  if (rows[0]?.synchronous === 'off') await client.query('SET synchronous_commit = on')
}

export class Standby extends Error {
  constructor() {
    super('the database is a standby, which takes no writes')
  }
}

/**
 * `away`: the connection is lost, or the server takes none; what was on its way may have happened or not.
 * `conflict`: the transaction was undone so that another could go on; to be repeated. `full`: the server's disk is.
 * `failed`: the server says that its data are damaged. `ended`: the store is over. `bad`: the statement itself is at fault.
 */
export type Failure = 'away' | 'conflict' | 'full' | 'failed' | 'ended' | 'bad'

/** Class 08: connection exceptions; class 57: the operator intervened; 53300: too many connections. */
const away = /^(08...|57...|53300|25006|25P03)$/
const conflict = /^(40001|40P01|55P03)$/
const full = /^(53100|53000|53200)$/
const damaged = /^(XX001|XX002)$/

export function failureOf(error: unknown): Failure {
  if (error instanceof Ended) return 'ended'
  if (error instanceof Standby) return 'away'
  if (error instanceof DatabaseError) {
    const code = error.code ?? ''
    if (away.test(code) || error.severity === 'FATAL' || error.severity === 'PANIC') return 'away'
    if (conflict.test(code)) return 'conflict'
    if (full.test(code)) return 'full'
    return damaged.test(code) ? 'failed' : 'bad'
  }
  return isOfSocket(error) ? 'away' : 'bad'
}

const socketWords =
  /connection (terminated|ended)|not queryable|read timeout|timeout expired|timeout exceeded/i

function isOfSocket(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // A name with several addresses fails with all their errors together.
  if (error instanceof AggregateError) return error.errors.every(isOfSocket)
  return 'syscall' in error || socketWords.test(error.message)
}
