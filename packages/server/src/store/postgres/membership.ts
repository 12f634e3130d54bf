/**
 * This node among those that share the database: its lease, and what it takes over from dead ones.
 *
 * Owns: the connection for leases and the timers of this node's. Times are the server's (`clock_timestamp()`), the wait for
 * the next renewal is this process's monotonic clock. Invariants: a renewal counts from the moment it was sent, so that this
 * node gives up before the others may take over; a run is taken over by one node, with a new attempt.
 */
import type { EndCause } from '@millrace/protocol'
import type { RunRow } from '#store/rules/rows'
import type { NodeRecord, RunProcess } from '#store/store'
import type { Client } from './connection.ts'
import { NodeLost } from './ended.ts'
import type { Link } from './link.ts'
import { Listeners } from './listeners.ts'
import type { Query } from './reader/query.ts'
import { runColumns, runTables, toRunRow } from './rows.ts'
import type { StoreClock } from './store-clock.ts'

export interface NodeIdentity {
  /** The key of its row. */
  key: number
  /** Its name in the rows of runs. */
  id: string
  /** Names the data directory: one node at a time uses it. */
  home: string
  /** Names the machine since its start, as processes are numbered there. */
  machine: string
}

export interface MembershipOptions {
  link: Link
  node: NodeIdentity
  leaseMs: number
  /** Called after each renewal with the number of nodes that were alive, this one included, and when that was asked. */
  counted: (alive: number, askedAt: number) => void
  clock: StoreClock
  /** The node was declared dead. */
  lost: (error: NodeLost) => void
}

/** Renewed this often within a lease; given up after this share of it without a renewal. */
const renewals = 3
const shareGivenUp = 2 / 3

export class Membership {
  readonly ending = new Listeners<string>()
  readonly #options: MembershipOptions
  #queue: Promise<unknown> = Promise.resolve()
  #renew: NodeJS.Timeout | null = null
  #giveUp: NodeJS.Timeout | null = null
  #over = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#renewed(performance.now())
    this.#renewLater()
  }

  /** Takes over the runs of dead nodes; returns their rows, and those of queued runs whose end was requested. */
  async adopt(): Promise<RunRow[]> {
    const { node } = this.#options
    const adopted = await this.#alone(async (client) => {
      await client.query('BEGIN')
      try {
        // In two statements: the second has a snapshot in which those that the first spared are alive.
        await client.query(declareDead)
        const { rows } = await client.query<{ n: number; machine: string | null }>({
          ...takeOver,
          values: [node.id],
        })
        await client.query('COMMIT')
        return rows
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {})
        throw error
      }
    })
    const { rows } = await this.#alone((client) =>
      client.query<RunRow & { n: number }>({ ...selectAdopted, values: [adopted.map(({ n }) => n)] }),
    )
    const here = new Set(adopted.filter(({ machine }) => machine === node.machine).map(({ n }) => n))
    return rows.map((row) => ({ ...toRunRow(row), pid: here.has(row.n) ? row.pid : null }))
  }

  async leftovers(): Promise<{ id: string; process: RunProcess | null }[]> {
    const { home, machine } = this.#options.node
    type Row = { id: string; pid: number | null; processStart: number | null }
    const { rows } = await this.#alone((client) =>
      client.query<Row>({ ...selectLeftovers, values: [home, machine] }),
    )
    return rows.map(({ id, pid, processStart }) => ({
      id,
      process: pid === null ? null : { pid, startTime: processStart ?? 0 },
    }))
  }

  async announce(text: string): Promise<void> {
    const { key } = this.#options.node
    await this.#alone((client) => client.query({ ...announce, values: [key, text] }))
  }

  close(): void {
    this.#over = true
    for (const timer of [this.#renew, this.#giveUp]) if (timer !== null) clearTimeout(timer)
  }

  #renewLater(): void {
    if (this.#over) return
    this.#renew = setTimeout(() => {
      // A renewal that hangs is not waited for: the time to give up counts on.
      void this.#renewNow().finally(() => this.#renewLater())
    }, this.#options.leaseMs / renewals)
  }

  async #renewNow(): Promise<void> {
    const { node, leaseMs, counted, clock, lost } = this.#options
    try {
      const renewed = await this.#alone(async (client) => {
        const sentAt = performance.now()
        const { rows } = await client.query<{ alive: number; time: number }>({
          ...renewLease,
          values: [node.key, leaseMs],
        })
        if (rows[0] === undefined) return null
        counted(rows[0].alive, sentAt)
        clock.read(rows[0].time, sentAt)
        return sentAt
      })
      if (renewed === null) lost(new NodeLost())
      else this.#renewed(renewed)
    } catch {
      // Away, or closed. The next try follows, until it is time to give up.
    }
  }

  #renewed(at: number): void {
    if (this.#over) return
    if (this.#giveUp !== null) clearTimeout(this.#giveUp)
    const left = at + this.#options.leaseMs * shareGivenUp - performance.now()
    const giveUp = setTimeout(
      async () => {
        // A process that was held up has not looked yet at what arrived meanwhile.
        for (let turns = 2; turns > 0; turns -= 1) await new Promise((turn) => setImmediate(turn))
        if (this.#over || this.#giveUp !== giveUp) return
        this.#over = true
        this.ending.call('the lease of this node could not be renewed: the database cannot be reached')
      },
      Math.max(0, left),
    )
    this.#giveUp = giveUp
  }

  /** One at a time: a renewal must not become part of another's transaction. */
  #alone<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(async () => {
      const client = await this.#options.link.ready()
      return work(client)
    })
    this.#queue = result.catch(() => {})
    return result
  }
}

const renewLease = {
  name: 'renew node',
  text: `UPDATE nodes SET lease_until = clock_timestamp() + $2 * interval '1 millisecond' WHERE n = $1 AND NOT dead
    RETURNING (SELECT count(*) FROM nodes WHERE NOT dead) AS alive,
      extract(epoch FROM clock_timestamp()) * 1000 AS time`,
}

const announce = { name: 'announce', text: 'UPDATE nodes SET announced = $2 WHERE n = $1 AND NOT dead' }

/** A node in the middle of a flush or a renewal is passed over: it is looked at again the next time. */
const declareDead = {
  name: 'declare dead',
  text: `WITH d AS MATERIALIZED (
      SELECT n FROM nodes WHERE NOT dead AND lease_until < clock_timestamp() ORDER BY n FOR UPDATE SKIP LOCKED)
    UPDATE nodes SET dead = true FROM d WHERE nodes.n = d.n`,
}

const takeOver = {
  name: 'take over',
  text: `WITH o AS MATERIALIZED (
      SELECT runs.n, runs.node, (SELECT machine FROM nodes WHERE nodes.id = runs.node) AS machine FROM runs
      WHERE state IN ('starting', 'running') AND node IS NOT NULL
        AND node NOT IN (SELECT id FROM nodes WHERE NOT dead)
      ORDER BY runs.id FOR UPDATE OF runs)
    UPDATE runs SET attempt = runs.attempt + 1, node = $1,
      cause = CASE WHEN runs.parked IS NULL THEN coalesce(runs.cause, 'crash') ELSE runs.cause END, adopted_from = o.node
    FROM o WHERE runs.n = o.n RETURNING runs.n, o.machine`,
}

const selectAdopted = {
  name: 'adopted',
  text: `SELECT ${runColumns} FROM ${runTables}
    WHERE n = ANY ($1::bigint[]) OR (state = 'queued' AND cause IS NOT NULL)
      OR (parked IN ('waiting', 'ready') AND cause IS NOT NULL) ORDER BY n`,
}

const selectLeftovers = {
  name: 'leftovers',
  text: `SELECT runs.id, CASE WHEN nodes.machine = $2 THEN pid END AS pid, process_start AS "processStart"
    FROM nodes JOIN runs ON runs.adopted_from = nodes.id WHERE nodes.home = $1`,
}

/**
 * Registers a node. Earlier nodes on its data directory are dead: it is held by one process at a time. What was dead for a
 * day is forgotten.
 */
export async function register(
  client: Client,
  { id, home, machine }: Omit<NodeIdentity, 'key'>,
  leaseMs: number,
): Promise<number> {
  await client.query('UPDATE nodes SET dead = true WHERE home = $1', [home])
  await client.query(
    `DELETE FROM nodes WHERE dead AND lease_until < clock_timestamp() - interval '1 day'
      AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.node = nodes.id AND state IN ('starting', 'running'))`,
  )
  const { rows } = await client.query<{ n: number }>(
    `INSERT INTO nodes (id, home, machine, lease_until)
      VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 millisecond') RETURNING n`,
    [id, home, machine, leaseMs],
  )
  const key = rows[0]?.n
  if (key === undefined) throw new Error('the node was not registered')
  return key
}

/** How many nodes are alive. */
export async function countNodes(client: Client): Promise<number> {
  const { rows } = await client.query<{ alive: number }>('SELECT count(*) AS alive FROM nodes WHERE NOT dead')
  return rows[0]?.alive ?? 1
}

/** One whose lease has ended is declared dead by the next look of any node. */
const selectNodes = {
  name: 'nodes',
  text: 'SELECT id, announced FROM nodes WHERE NOT dead AND lease_until > clock_timestamp() ORDER BY n',
}

/** The nodes that are alive. */
export function nodesBy(query: Query): Promise<NodeRecord[]> {
  return query<NodeRecord>(selectNodes, [])
}

const selectEnds = {
  name: 'ends requested',
  text: `SELECT id, cause FROM runs WHERE node = $1 AND state IN ('starting', 'running') AND cause IS NOT NULL`,
}

/** Runs of this node whose end was requested. */
export function endsRequestedBy(query: Query, node: string): Promise<{ id: string; cause: EndCause }[]> {
  return query<{ id: string; cause: EndCause }>(selectEnds, [node])
}
