/**
 * Stand-ins for protected paths that do not exist, because a mount needs a file or directory to cover.
 *
 * Owns: the stand-ins on the host, how many runs need each, and the journal of them in the data
 * directory. Invariants: the journal names a stand-in before it exists, so that none outlives a crash
 * for good; a stand-in is removed after the last run that needs it, and only if it is unchanged. All file
 * access is synchronous, so that none of our code runs between a check and the action.
 */
import {
  closeSync,
  fchownSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  rmdirSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { giveDirectory } from '#ownership'
import { entryAt } from '#paths'
import { Journal } from './journal.ts'
import { asOwner, reach, textAt } from './reach.ts'

export interface StandIn {
  path: string
  kind: 'file' | 'directory'
  /** Of a file. */
  content: string
}

interface Held extends StandIn {
  users: number
  inode: bigint | number
}

export class Placeholders {
  private readonly journal: Journal<StandIn>
  private readonly held = new Map<string, Held>()

  /** `journal`: the path of its file. */
  constructor(journal: string) {
    this.journal = new Journal(journal, isStandIn)
  }

  /** Removes the stand-ins that an earlier server left behind. */
  recover(): void {
    for (const standIn of this.journal.read()) removeUnchanged(standIn, null)
    this.writeJournal()
  }

  isHeld(path: string): boolean {
    return this.held.has(path)
  }

  /**
   * Makes sure that there is something at each path, owned by the project's owner, until the returned
   * function is called. A path that cannot be created is left out: what the server may not create
   * there, a run may not either.
   */
  hold(wanted: readonly StandIn[], owner: { uid: number; gid: number }): () => void {
    const mine: Held[] = []
    const missing = wanted.filter((standIn) => !this.held.has(standIn.path))
    for (const standIn of missing) this.held.set(standIn.path, { ...standIn, users: 0, inode: 0 })
    if (missing.length > 0) this.writeJournal()
    try {
      for (const { path } of wanted) {
        const held = this.held.get(path)
        if (held === undefined) continue
        if (held.users === 0 && !create(held, owner)) {
          this.held.delete(path)
          continue
        }
        held.users += 1
        mine.push(held)
      }
    } catch (error) {
      this.release(mine)
      throw error
    }
    let released = false
    return () => {
      if (released) return
      released = true
      this.release(mine)
    }
  }

  /** Removes all stand-ins. Called when no run is left. */
  close(): void {
    for (const held of [...this.held.values()].reverse()) removeUnchanged(held, held.inode)
    this.held.clear()
    this.writeJournalIfPossible()
  }

  private release(mine: readonly Held[]): void {
    let changed = false
    for (const held of [...mine].reverse()) {
      held.users -= 1
      if (held.users > 0 || this.held.get(held.path) !== held) continue
      removeUnchanged(held, held.inode)
      this.held.delete(held.path)
      changed = true
    }
    if (changed) this.writeJournalIfPossible()
  }

  /** On a full disk the journal names more than it need, which does no harm. */
  private writeJournalIfPossible(): void {
    try {
      this.writeJournal()
    } catch {}
  }

  private writeJournal(): void {
    this.journal.write([...this.held.values()].map(({ path, kind, content }) => ({ path, kind, content })))
  }
}

function create(held: Held, owner: { uid: number; gid: number }): boolean {
  try {
    const stat = held.kind === 'directory' ? createDirectory(held.path, owner) : createFile(held, owner)
    held.inode = stat.ino
    return true
  } catch (error) {
    // EEXIST: another process was quicker, and what is there is its own. ENOENT: the parent is gone.
    // ELOOP, ENOTDIR: what was made has been replaced.
    if (['EEXIST', 'EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error)))
      return false
    throw error
  }
}

function createDirectory(path: string, owner: { uid: number; gid: number }): Stats {
  mkdirSync(path, 0o755)
  if (process.getuid?.() === 0) giveDirectory(path, owner)
  const stat = entryAt(path)
  if (stat === null) throw Object.assign(new Error(`${path} is gone`), { code: 'ENOENT' })
  return stat
}

/** Creates the file with its content in one step, because git fails on an empty `commondir`. */
function createFile({ path, content }: StandIn, owner: { uid: number; gid: number }): Stats {
  const written = content === '' ? path : `${path}.millrace-${process.pid}`
  const file = openSync(written, 'wx', 0o644)
  try {
    writeFileSync(file, content)
    if (process.getuid?.() === 0) fchownSync(file, owner.uid, owner.gid)
    const stat = fstatSync(file)
    if (written !== path) linkSync(written, path)
    return stat
  } finally {
    closeSync(file)
    if (written !== path) unlinkSync(written)
  }
}

const noLongerOurs = new Set('ENOTEMPTY EEXIST ENOENT EACCES EPERM EROFS EBUSY EINVAL ELOOP ENXIO'.split(' '))

function removeUnchanged(standIn: StandIn, inode: bigint | number | null): void {
  try {
    const stat = reach(standIn.path)
    if (stat === null || (inode !== null && stat.ino !== inode)) return
    if (standIn.kind === 'directory') {
      if (stat.isDirectory()) asOwner([dirname(standIn.path)], () => rmdirSync(standIn.path))
    } else if (textAt(standIn.path, standIn.content.length) === standIn.content) {
      asOwner([dirname(standIn.path)], () => unlinkSync(standIn.path))
    }
  } catch (error) {
    // Somebody has put something into it or removed it, so it is no longer a stand-in.
    if (!noLongerOurs.has(codeOf(error))) throw error
  }
}

function isStandIn(entry: unknown): entry is StandIn {
  const { path, kind, content } = (entry ?? {}) as Partial<Record<keyof StandIn, unknown>>
  return typeof path === 'string' && typeof content === 'string' && (kind === 'file' || kind === 'directory')
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? ''
}
