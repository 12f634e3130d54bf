/** Gives a file or directory to a run's user, by descriptor: a name could point elsewhere by then. */
import { closeSync, constants, fchownSync, openSync } from 'node:fs'

export interface Owner {
  uid: number
  gid: number
}

/** Fails with `ELOOP` or `ENOTDIR` where a link has taken the directory's place; nothing changes hands then. */
export function giveDirectory(path: string, owner: Owner): void {
  giveOpened(path, constants.O_DIRECTORY, owner)
}

/** As `giveDirectory`, for a file. */
export function giveFile(path: string, owner: Owner): void {
  giveOpened(path, constants.O_NONBLOCK, owner)
}

function giveOpened(path: string, flag: number, { uid, gid }: Owner): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | flag)
  try {
    fchownSync(descriptor, uid, gid)
  } finally {
    closeSync(descriptor)
  }
}
