/** Checks a file that should hold a whole database of ours, and syncs files to the disk. */
import { closeSync, fsyncSync, openSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '@millrace/protocol'
import { messageOf } from '#store/sqlite/database'
import { migrations } from '#store/sqlite/migrations'

export interface CopyFacts {
  runs: number
  epoch: string
}

/** Reads all of the file. Fails with `invalid_request`, naming `shown`, if it is damaged or not ours. */
export function checkCopy(db: DatabaseSync, shown: string): CopyFacts {
  const refuse = (why: string, cause?: unknown) =>
    new MillraceError('invalid_request', `${shown} ${why}`, { cause })
  let damage: unknown
  let version: number
  try {
    damage = db.prepare('PRAGMA integrity_check(1)').get()?.integrity_check
    version = Number(db.prepare('PRAGMA user_version').get()?.user_version)
  } catch (error) {
    throw refuse(`is no database that can be read: ${messageOf(error)}`, error)
  }
  if (damage !== 'ok') throw refuse(`is damaged: ${damage}`)
  const newest = migrations.at(-1)?.id ?? 0
  if (version > newest) throw refuse(`was written by a newer version of Millrace (schema ${version})`)
  try {
    const epoch = db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()?.value
    if (version < 1 || typeof epoch !== 'string') throw new Error('it has no epoch')
    const runs = Number(db.prepare('SELECT count(*) AS runs FROM runs').get()?.runs)
    return { runs, epoch }
  } catch (error) {
    throw refuse(`is no database of Millrace: ${messageOf(error)}`, error)
  }
}

/** Syncs a file or a directory; for a directory, the names created, changed or removed in it are then on the disk. */
export function syncToDisk(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
