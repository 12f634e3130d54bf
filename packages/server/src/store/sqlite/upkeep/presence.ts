/**
 * Notices that the files of a store are no longer those that it opened. A process keeps writing to a deleted
 * file without an error, and everything written there is gone with the process.
 *
 * Owns one timer. Invariant: `lost` resolves at most once, with the reason.
 */
import { statSync } from 'node:fs'
import { stat } from 'node:fs/promises'

export interface PresenceWatch {
  lost: Promise<string>
  close(): void
}

interface Identity {
  dev: number
  ino: number
  size: number
}

/** Throws a `FilesLost` once one of the files is missing, another, or emptied. Returns the size of the last file. */
export type PresenceCheck = () => number

export class FilesLost extends Error {
  override readonly name = 'FilesLost'
}

/** Remembers the files that are at the paths now. A path without a file is left out. */
export function presenceCheck(paths: readonly string[]): PresenceCheck {
  const opened = remember(paths)
  return () => {
    let size = 0
    for (const [path, was] of opened) {
      const is = statSync(path, { throwIfNoEntry: false })
      const reason = changeOf(path, was, is)
      if (reason !== null) throw new FilesLost(reason)
      size = is?.size ?? 0
    }
    return size
  }
}

/** The same between writes: a server that only reads must notice, too. */
export function watchPresence(paths: readonly string[], everyMs: number): PresenceWatch {
  const opened = remember(paths)
  const { promise: lost, resolve } = Promise.withResolvers<string>()
  let looking = false
  const look = async () => {
    if (looking) return
    looking = true
    for (const [path, was] of opened) {
      const reason = changeOf(path, was, await stat(path).catch(() => undefined))
      if (reason !== null) resolve(reason)
    }
    looking = false
  }
  const timer = setInterval(() => void look(), everyMs).unref()
  return { lost, close: () => clearInterval(timer) }
}

function remember(paths: readonly string[]): Map<string, Identity> {
  const found = paths.map((path) => [path, statSync(path, { throwIfNoEntry: false })] as const)
  return new Map(found.flatMap(([path, stats]) => (stats === undefined ? [] : [[path, stats]])))
}

function changeOf(path: string, was: Identity, is: Identity | undefined): string | null {
  if (is === undefined) return `${path} was deleted or cannot be reached while the server ran`
  if (is.dev !== was.dev || is.ino !== was.ino) return `${path} was replaced while the server ran`
  // A log may be empty; what had content never is again.
  if (is.size === 0 && was.size > 0 && !path.endsWith('-wal'))
    return `${path} was emptied while the server ran`
  return null
}
