/**
 * `store.state` beside the database: whether one was ever opened here, and whether it was closed in order. By it
 * a start notices that the database, or the log with its last commits, has been lost since.
 */
import { closeSync, constants, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

type State = 'open' | 'closed'

export function stateFile(path: string): string {
  return join(dirname(path), 'store.state')
}

/** Throws if the database that was here is missing or empty, or if its log is missing after a crash. */
export function checkNothingLost(path: string): void {
  const state = readState(path)
  if (state === null) return
  const accept = `To begin without it, delete ${stateFile(path)}.`
  if (sizeOf(path) === 0) {
    throw new Error(`the database was deleted or emptied since the last start; restore a backup. ${accept}`)
  }
  if (state === 'open' && sizeOf(`${path}-wal`) === null) {
    throw new Error(
      `the server did not close the database, and the log with its last events (${path}-wal) is missing. ${accept}`,
    )
  }
}

const openHere = new Set<string>()

/**
 * Notes an end of this process that it chooses itself (`process.exit`): Node then closes the database, and with it
 * goes the log. Only an end that it does not choose leaves a log to be missed. Returns what ends the watch.
 */
export function noteAtExit(path: string): () => void {
  if (openHere.size === 0) process.on('exit', noteAll)
  openHere.add(path)
  return () => {
    openHere.delete(path)
    if (openHere.size === 0) process.off('exit', noteAll)
  }
}

function noteAll(): void {
  for (const path of openHere) {
    try {
      // A directory that was taken away or replaced gets no note.
      if (readState(path) === 'open') writeState(path, 'closed')
    } catch {
      // The next start then expects the log.
    }
  }
}

/**
 * For whoever closed the database without a server: SQLite folds the log into the database and deletes it when the
 * last connection closes. With a server running, the log is still there, and nothing is noted.
 */
export function noteFolded(path: string): void {
  if (readState(path) === 'open' && sizeOf(`${path}-wal`) === null) writeState(path, 'closed')
}

/** In place and of one length: a full disk has room for it. Synced, so that it is there after a power failure. */
export function writeState(path: string, state: State): void {
  const descriptor = openSync(stateFile(path), constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    writeSync(descriptor, `${state.padEnd(7)}\n`, 0)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function readState(path: string): State | null {
  try {
    // A crash may have left it empty: then a database was opened, and not closed.
    return readFileSync(stateFile(path), 'utf8').trim() === 'closed' ? 'closed' : 'open'
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** Null for a missing file; the database counts as empty then. */
function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? (path.endsWith('-wal') ? null : 0)
}
