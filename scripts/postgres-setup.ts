/** One Postgres server for all tests that need one. They read its address by `inject('postgres')`. */
import { startPostgres } from '@millrace/test-support/postgres-server'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a server that a whole run of tests shares; null where Postgres is not installed. */
    postgres: string | null
  }
}

export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const server = await startPostgres()
  if (server === null) {
    console.warn(
      'Postgres is not installed (Debian: postgresql): the tests of the store on Postgres and of several nodes are left out',
    )
  }
  project.provide('postgres', server?.url ?? null)
  return server === null ? undefined : () => server.stop()
}
