/** The thread that owns the read-only connection. It answers reads one by one, in order. */
import { parentPort } from 'node:worker_threads'
import { openForReading } from '#store/sqlite/database'
import type { FromReader, ToReader } from '#store/sqlite/messages'
import { createAnswerer } from './answers.ts'

if (parentPort === null) throw new Error('reader-worker runs as a worker thread')
const port = parentPort

port.once('message', (message: ToReader) => {
  if (message.kind !== 'open') return
  const db = openForReading(message.path)
  const answer = createAnswerer(db)
  port.postMessage({ kind: 'open' } satisfies FromReader)
  port.on('message', (next: ToReader) => {
    if (next.kind === 'reads') for (const read of next.reads) port.postMessage(answer(read))
    else {
      port.close()
      db.close()
    }
  })
})
