/**
 * Reads from Postgres. Owns the connections for reading: one for pages of logs, which are read together, and some for
 * everything else, in turn.
 *
 * A read changes nothing, so one whose connection is lost is asked again, until the wait for the database is too long.
 */
import { MillraceError } from '@millrace/protocol'
import { answersFrom } from '#store/batched/answers'
import type { Backend } from '#store/batched/backend'
import { type Client, failureOf } from '#store/postgres/connection'
import { Ended } from '#store/postgres/ended'
import { Link, type LinkOptions } from '#store/postgres/link'
import { createCredentialReader } from './credential-reader.ts'
import { createExpendableReader } from './expendable-reader.ts'
import { createPageReader } from './page-reader.ts'
import type { Query } from './query.ts'
import { createRunReader } from './run-reader.ts'
import { createSessionReader } from './session-reader.ts'

/** A request does not wait longer for a database that is away. */
const waitMs = 5000
const otherReaders = 2

export interface Reading {
  read: Backend['read']
  query: Query
  close(): Promise<void>
}

export async function startReading(options: Omit<LinkOptions, 'role'>): Promise<Reading> {
  const links = ['pages', ...Array.from({ length: otherReaders }, (_, n) => `reader ${n + 1}`)].map(
    (role) => new Link({ ...options, role }),
  )
  const close = async () => void (await Promise.all(links.map((link) => link.close())))
  try {
    await Promise.all(links.map((link) => link.open()))
  } catch (error) {
    await close()
    throw error
  }
  const [pages, ...others] = links as [Link, ...Link[]]
  let turn = 0
  const query: Query = (statement, values) => {
    turn = (turn + 1) % others.length
    return ask(others[turn] ?? pages, statement, values)
  }
  const runs = createRunReader(query)
  const answers = answersFrom({
    runs,
    sessions: createSessionReader(query),
    credentials: createCredentialReader(query),
    expendable: createExpendableReader(query),
    bounds: (id) => runs.bounds(id),
    page: createPageReader((statement, values) => ask(pages, statement, values)),
  })
  return {
    read: async (name, question) => answers[name](question),
    query,
    close,
  }
}

async function ask<Row>(
  link: Link,
  statement: { name?: string; text: string },
  values: readonly unknown[],
): Promise<Row[]> {
  const until = performance.now() + waitMs
  for (;;) {
    const client = await readyWithin(link, until - performance.now())
    try {
      const { rows } = await client.query({ ...statement, values: [...values] })
      return rows as Row[]
    } catch (error) {
      const failure = failureOf(error)
      if (failure === 'away') link.lose(client, error instanceof Error ? error.message : String(error))
      else if (failure !== 'conflict') throw error
    }
  }
}

async function readyWithin(link: Link, ms: number): Promise<Client> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new MillraceError('storage_away', 'The database cannot be reached')),
    Math.max(0, ms),
  )
  try {
    return await Promise.race([link.ready(), promise])
  } catch (error) {
    if (error instanceof Ended) throw new MillraceError('storage_failed', error.message)
    throw error
  } finally {
    clearTimeout(timer)
  }
}
