import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openSqliteStore } from '#store/sqlite/store'
import type { Store } from '#store/store'
import { open } from './support/sse-client.ts'
import { startStreamServer } from './support/stream-server.ts'

async function openStore(): Promise<Store> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-delivery-'))
  const store = await openSqliteStore({ dataDir })
  onTestFinished(async () => {
    await store.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  return store
}

async function startRun(store: Store): Promise<string> {
  const id = randomUUID()
  await store.createRun({
    id,
    kind: 'job',
    project: null,
    owner: 'ann',
    spec: {},
    createdAt: 1,
    retryOf: null,
    resumes: null,
    exclusive: false,
    queued: { at: 1, type: 'run:queued', json: '{}' },
    idempotency: null,
  })
  await store.claim({ kind: 'job', limit: 10, node: 'here' })
  return id
}

const line = (n: number) => ({ at: n, type: 'output', json: JSON.stringify({ n, pad: 'x'.repeat(n % 300) }) })

test('over the embedded store, followers at all cursors receive exactly the events after them while the log is written', async () => {
  const store = await openStore()
  const id = await startRun(store)
  const server = await startStreamServer({
    source: store,
    delivery: { ringBytes: 20_000, batchBytes: 5000 },
  })
  for (let n = 0; n < 20; n++)
    await store.append(
      id,
      1,
      Array.from({ length: 20 }, (_, at) => line(n * 20 + at)),
    )
  const cursors = Array.from({ length: 41 }, (_, n) => n * 10)
  const opening = cursors.map((after) => open(`${server.url}/${id}?after=${after}`))
  const writes: Promise<unknown>[] = []
  for (let n = 0; n < 100; n++) {
    writes.push(store.append(id, 1, [line(n), line(n + 1)]))
    if (n % 10 === 0) await writes.at(-1)
  }
  await Promise.all(writes)
  const event = { at: 9, type: 'complete', json: '{"jobId":"x"}' }
  await store.finish(id, 1, { state: 'completed', event, result: null, error: null, usage: null })
  const head = 1 + 400 + 200 + 1
  for (const [index, client] of (await Promise.all(opening)).entries()) {
    await client.end()
    const after = cursors[index] ?? 0
    expect(client.ids).toEqual(Array.from({ length: head - after }, (_, n) => after + n + 1))
    expect(client.frames.at(-1)?.event).toBe('complete')
  }
  expect((await open(`${server.url}/${id}?after=${head}`)).status).toBe(204)
  expect((await open(`${server.url}/${randomUUID()}`)).status).toBe(404)
})
