/**
 * Room on the disk that is kept for what makes room: deletions, and the ends of runs.
 *
 * Owns the file `reserve` beside the database. Invariant: once it was given up, nothing else is written until
 * the disk has room for it again; so other writes cannot eat what a deletion needs.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, statfsSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Reserve {
  /** Makes its room available. */
  giveUp(): void
  /** True unless it was given up and the disk still has no room for it. */
  restore(): boolean
}

const reserveBytes = 16 * 1024 * 1024
/** A disk with less free room than this many reserves gets none: it would be full for the reserve's sake. */
const freeReserves = 4

export function openReserve(path: string, bytes = reserveBytes): Reserve {
  const file = join(dirname(path), 'reserve')
  const free = () => {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize
  }
  const size = statSync(file, { throwIfNoEntry: false })?.size
  let state: 'none' | 'held' | 'given up' = size === undefined ? 'none' : size >= bytes ? 'held' : 'given up'
  if (state === 'none' && free() >= bytes * freeReserves && fill(file, bytes)) state = 'held'
  return {
    giveUp() {
      if (state !== 'held') return
      resize(file, 0)
      state = 'given up'
    },
    restore() {
      // A quarter more, so that the disk does not fill up with the next write.
      if (state === 'given up' && free() >= bytes * 1.25 && fill(file, bytes)) state = 'held'
      return state !== 'given up'
    },
  }
}

/** Writes it out: a file with a hole takes no room. */
function fill(file: string, bytes: number): boolean {
  const descriptor = openSync(file, 'w', 0o600)
  try {
    const piece = Buffer.alloc(1024 * 1024)
    for (let at = 0; at < bytes; at += piece.length)
      writeSync(descriptor, piece, 0, Math.min(piece.length, bytes - at), at)
    fsyncSync(descriptor)
    return true
  } catch {
    ftruncateSync(descriptor, 0)
    return false
  } finally {
    closeSync(descriptor)
  }
}

function resize(file: string, bytes: number): void {
  const descriptor = openSync(file, 'r+')
  try {
    ftruncateSync(descriptor, bytes)
  } finally {
    closeSync(descriptor)
  }
}
