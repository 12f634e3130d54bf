/** Empty databases for tests: a schema each in the one database of the server that all share. */
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { inject, onTestFinished } from 'vitest'
import type { ConnectionSettings } from '#store/postgres/settings'
import { openPostgresStore, type PostgresStoreOptions } from '#store/postgres/store'
import type { Store } from '#store/store'
import type {} from '../../../../../../scripts/postgres-setup.ts'

/** Null: Postgres is not installed here, and the tests are left out. */
export const serverUrl = inject('postgres')

export interface Database {
  settings: ConnectionSettings
  query<Row>(sql: string, values?: unknown[]): Promise<Row[]>
  /** Empties all tables; no store may be open. */
  clear(): Promise<void>
  drop(): Promise<void>
}

export async function emptyDatabase(url = serverUrl): Promise<Database> {
  if (url === null) throw new Error('Postgres is not installed')
  const schema = `test_${randomUUID().replaceAll('-', '')}`
  const settings = { connectionString: url, options: `-c search_path=${schema}` }
  async function query<Row>(sql: string, values: unknown[] = []): Promise<Row[]> {
    const client = new Client(settings)
    await client.connect()
    try {
      return (await client.query(sql, values)).rows
    } finally {
      await client.end()
    }
  }
  await query(`CREATE SCHEMA ${schema}`)
  async function clear(): Promise<void> {
    const tables = await query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tablename <> 'meta'`,
      [schema],
    )
    if (tables.length === 0) return
    await query(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`)
    await query(`DELETE FROM meta WHERE key <> 'schema'`)
  }
  return { settings, query, clear, drop: async () => void (await query(`DROP SCHEMA ${schema} CASCADE`)) }
}

/** A database that is gone when the test is over, and stores on it that are closed before. */
export async function testDatabase(): Promise<
  Database & { open(options?: Partial<PostgresStoreOptions>): Promise<Store> }
> {
  const database = await emptyDatabase()
  onTestFinished(() => database.drop())
  return {
    ...database,
    async open(options = {}) {
      const store = await openPostgresStore({ settings: database.settings, ...options })
      onTestFinished(() => store.close())
      return store
    },
  }
}
