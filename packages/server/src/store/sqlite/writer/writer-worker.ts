/** The thread that owns the one writing connection. It opens the database, then answers batch by batch. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { collectGarbage } from '#memory/collect'
import { failureKind, messageOf, openForWriting } from '#store/sqlite/database'
import type { FromWriter, ToWriter } from '#store/sqlite/messages'
import { migrate } from '#store/sqlite/migrations'
import { packResults, unpackOperations } from '#store/sqlite/packing'
import { createAnswerer } from '#store/sqlite/reader/answers'
import { type PresenceCheck, presenceCheck } from '#store/sqlite/upkeep/presence'
import { checkNothingLost, writeState } from '#store/sqlite/upkeep/state-file'
import { createBatchWriter, diskFull } from './batch-writer.ts'
import { createCheckpoints } from './checkpoints.ts'
import { openReserve } from './reserve.ts'

const settledAfterMs = 3000

if (parentPort === null) throw new Error('writer-worker runs as a worker thread')
const port = parentPort
const path = String(workerData.path)
const send = (message: FromWriter): void => port.postMessage(message)

try {
  checkNothingLost(path)
  serve(openWithRoom())
} catch (error) {
  const code = failureKind(error) === 'full' ? 'storage_full' : 'storage_failed'
  send({ kind: 'refused', code, message: messageOf(error) })
  port.close()
}

/** A full disk must not keep out the deletions that make room on it. */
function openWithRoom(): DatabaseSync {
  const open = () => {
    const db = openForWriting(path)
    migrate(db)
    writeState(path, 'open')
    return db
  }
  try {
    return open()
  } catch (error) {
    if (failureKind(error) !== 'full') throw error
    openReserve(path).giveUp()
    return open()
  }
}

function serve(db: DatabaseSync): void {
  const meta = (key: string, value: string): string => {
    db.prepare('INSERT OR IGNORE INTO meta VALUES (?, ?)').run(key, value)
    return String(db.prepare('SELECT value FROM meta WHERE key = ?').get(key)?.value)
  }
  const epoch = meta('epoch', randomUUID())
  const cursorKey = meta('cursor key', randomBytes(16).toString('base64'))
  const reserve = openReserve(path)
  const checkpoints = createCheckpoints(db)
  // Not the folder: a file that is there, and is the same, is in its folder.
  const checkPresence = presenceCheck([path, `${path}-wal`])
  const writer = createBatchWriter(db, (results) => {
    // A commit into a deleted file succeeds; it is not acknowledged.
    const logBytes = checkPresence()
    checkpoints.afterCommit(results, logBytes)
  })
  const answer = createAnswerer(db)
  port.on('message', (message: ToWriter) => {
    if (message.kind === 'reads') {
      for (const read of message.reads) send(answer(read))
      return
    }
    if (message.kind === 'batch') {
      if (message.urgent) reserve.giveUp()
      const { results, stopped } =
        message.urgent || reserve.restore()
          ? writer.write(unpackOperations(message.operations))
          : { results: [], stopped: diskFull }
      send({ kind: 'reply', results: packResults(results), stopped })
      return
    }
    port.close()
    close(db, checkPresence)
  })
  // What opening and the first reads left behind.
  setTimeout(() => collectGarbage(true), settledAfterMs).unref()
  send({ kind: 'ready', epoch, cursorKey })
}

function close(db: DatabaseSync, checkPresence: PresenceCheck): void {
  let folded = false
  try {
    checkPresence()
    folded = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0
  } catch {
    // The log stays beside the database and is read at the next start: nothing is lost.
  }
  try {
    // Before the close, which deletes the log: the process may end between the two.
    if (folded) writeState(path, 'closed')
  } catch {
    // The next start then expects the log, which is missing, and says so.
  }
  db.close()
}
