/** The thread that owns the one writing connection. It opens the database, then answers batch by batch. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { failureKind, messageOf, openForWriting } from '#store/sqlite/database'
import type { FromWriter, ToWriter } from '#store/sqlite/messages'
import { migrate } from '#store/sqlite/migrations'
import { createBatchWriter } from './batch-writer.ts'
import { createCheckpoints } from './checkpoints.ts'

if (parentPort === null) throw new Error('writer-worker runs as a worker thread')
const port = parentPort
const send = (message: FromWriter): void => port.postMessage(message)

try {
  serve(openForWriting(String(workerData.path)))
} catch (error) {
  const code = failureKind(error) === 'full' ? 'storage_full' : 'storage_failed'
  send({ kind: 'refused', code, message: messageOf(error) })
  port.close()
}

function serve(db: DatabaseSync): void {
  migrate(db)
  const meta = (key: string, value: string): string => {
    db.prepare('INSERT OR IGNORE INTO meta VALUES (?, ?)').run(key, value)
    return String(db.prepare('SELECT value FROM meta WHERE key = ?').get(key)?.value)
  }
  const epoch = meta('epoch', randomUUID())
  const cursorKey = meta('cursor key', randomBytes(16).toString('base64'))
  const checkpoints = createCheckpoints(db, String(workerData.path))
  const writer = createBatchWriter(db, (results) => checkpoints.afterCommit(results))
  port.on('message', (message: ToWriter) => {
    if (message.kind === 'batch') {
      send({ kind: 'reply', reply: writer.write(message.operations) })
      return
    }
    port.close()
    close(db)
  })
  send({ kind: 'ready', epoch, cursorKey })
}

function close(db: DatabaseSync): void {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {
    // The log stays beside the database and is read at the next start: nothing is lost.
  }
  db.close()
}
