/** Servers on one database, each with a data directory of its own and the same token and configuration. */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { type ServerOptions, type ServerProcess, startServer } from '@millrace/test-support/server'
import { Client } from 'pg'
import { inject } from 'vitest'
import type {} from '../../../scripts/postgres-setup.ts'

/** Null: Postgres is not installed here, and the tests are left out. */
export const postgres = inject('postgres')

export interface Cluster {
  folder: string
  token: string
  /** The address of the database, as a server takes it. */
  store: string
  start: (name: string, options?: Partial<ServerOptions>) => Promise<ServerProcess>
  /** The server that was started last under this name. */
  at: (name: string) => ServerProcess
  query: <Row>(sql: string, values?: unknown[]) => Promise<Row[]>
  end: () => Promise<void>
}

/** `config` is that of every server; `address` leads to the database server, by default to the one that all tests share. */
export async function openCluster(
  config: Record<string, unknown>,
  address: string = postgres ?? '',
): Promise<Cluster> {
  const scratch = scratchFolder()
  const token = `token-${randomUUID()}`
  const servers = new Map<string, ServerProcess>()
  const schema = `nodes_${randomUUID().replaceAll('-', '')}`
  const query = async <Row>(sql: string, values: unknown[] = []): Promise<Row[]> => {
    const client = new Client({ connectionString: address, options: `-c search_path=${schema}` })
    await client.connect()
    try {
      return (await client.query(sql, values)).rows
    } finally {
      await client.end()
    }
  }
  await query(`CREATE SCHEMA ${schema}`)
  const store = `${address}?options=${encodeURIComponent(`-c search_path=${schema}`)}`
  return {
    folder: scratch.path,
    token,
    store,
    query,
    async start(name, options = {}) {
      const dataDir = join(scratch.path, name)
      mkdirSync(dataDir, { recursive: true })
      const env = { MILLRACE_TOKEN: token, MILLRACE_STORE: store, ...options.env }
      const server = await startServer({ config, cwd: scratch.path, dataDir, ...options, env })
      servers.set(name, server)
      return server
    },
    at(name) {
      const server = servers.get(name)
      if (server === undefined) throw new Error(`no server ${name} was started`)
      return server
    },
    async end() {
      for (const [name, server] of servers) {
        if (server.child.exitCode === null || server.child.exitCode === 0) continue
        console.log(`${name} ended with ${server.child.exitCode}:\n${server.log().slice(-2000)}`)
      }
      await Promise.all([...servers.values()].map((server) => server.end('SIGKILL')))
      await query(`DROP SCHEMA ${schema} CASCADE`)
      scratch.dispose()
    },
  }
}
