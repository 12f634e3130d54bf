/** A session that is over, as an earlier server of this data directory has left it. */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { openSqliteStore } from '#store/sqlite/store'

/** Runs a session of Olga in the project `here`. Resolves with its id once nothing of it is open. */
export async function leaveFinishedSession(dataDir: string): Promise<string> {
  mkdirSync(dataDir, { recursive: true })
  const store = await openSqliteStore({ dataDir })
  try {
    const id = randomUUID()
    const at = Date.now()
    await store.createRun({
      id,
      kind: 'session',
      project: 'here',
      owner: 'olga',
      spec: { project: 'here', prompt: 'Go' },
      createdAt: at,
      retryOf: null,
      resumes: null,
      exclusive: true,
      queued: { at, type: 'run:queued', json: '{}' },
      idempotency: null,
    })
    await store.claim({ kind: 'session', limit: 1, node: 'the earlier one' })
    const event = { at, type: 'completed', json: JSON.stringify({ sessionId: id, state: 'completed' }) }
    await store.finish(id, 1, { state: 'completed', event, result: null, error: null, usage: null })
    return id
  } finally {
    await store.close()
  }
}
