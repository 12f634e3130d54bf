/**
 * How the files of a project were when a session began, so that what its commands changed can be shown. Only for projects
 * without git: in a repository, the agent reports the files of a command itself.
 *
 * Owns: the texts of the files, in memory, within `keptBytesMax`. A project that is larger than the limits has no snapshot.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { FileChange } from '@millrace/protocol'
import { formatHunks, hunksBetween, linesOf } from '@millrace/protocol/view'
import { TooLarge, type TreeLimits, walkTree } from './tree.ts'

interface SnapshotLimits extends TreeLimits {
  /** Further files are known by their state alone: that they changed is shown, and not how. */
  keptBytesMax: number
}

const usual: SnapshotLimits = {
  filesMax: 5000,
  depthMax: 20,
  fileBytesMax: 256 * 1024,
  keptBytesMax: 4 * 1024 ** 2,
  timeMs: 1000,
}
const changesMax = 500

interface KnownFile {
  state: string
  text: string | null
}

/** A file, from how it was to how it is. */
export interface WholeChange {
  change: FileChange
  /** Null where one of them is not known as text. */
  texts: { before: string; after: string } | null
}

export class Snapshot {
  readonly #root: string
  readonly #limits: SnapshotLimits
  readonly #files: ReadonlyMap<string, KnownFile>

  constructor(root: string, limits: SnapshotLimits, files: ReadonlyMap<string, KnownFile>) {
    this.#root = root
    this.#limits = limits
    this.#files = files
  }

  /** Null if there is too much now. */
  async changes(): Promise<WholeChange[] | null> {
    const found: WholeChange[] = []
    const gone = new Map(this.#files)
    const look = walkTree(this.#root, this.#limits, async ({ path, state, read }) => {
      const known = gone.get(path)
      gone.delete(path)
      if (known?.state === state) return
      const text = await read()
      if (known !== undefined && text !== null && text === known.text) return
      if (found.length >= changesMax) throw new TooLarge()
      const before = known === undefined ? '' : known.text
      found.push(wholeChange(path, known === undefined ? 'added' : 'modified', before, text))
    })
    if (!(await isWithinLimits(look)) || gone.size > changesMax) return null
    for (const [path, { text }] of gone) found.push(wholeChange(path, 'deleted', text, ''))
    return found.sort((one, other) => (one.change.path < other.change.path ? -1 : 1))
  }
}

/** Returns null where there is git, and where there is too much. */
export async function takeSnapshot(
  root: string,
  cwd: string,
  limits: Partial<SnapshotLimits> = {},
): Promise<Snapshot | null> {
  if (process.platform !== 'linux' || isInRepository(cwd)) return null
  const all = { ...usual, ...limits }
  const files = new Map<string, KnownFile>()
  let left = all.keptBytesMax
  const look = walkTree(root, all, async ({ path, state, read }) => {
    const text = left > 0 ? await read() : null
    const kept = text !== null && text.length <= left ? text : null
    left -= kept?.length ?? 0
    files.set(path, { state, text: kept })
  })
  return (await isWithinLimits(look)) ? new Snapshot(root, all, files) : null
}

async function isWithinLimits(look: Promise<void>): Promise<boolean> {
  try {
    await look
    return true
  } catch (error) {
    if (error instanceof TooLarge) return false
    throw error
  }
}

function isInRepository(directory: string): boolean {
  const parent = dirname(directory)
  return existsSync(join(directory, '.git')) || (parent !== directory && isInRepository(parent))
}

function wholeChange(
  path: string,
  status: FileChange['status'],
  before: string | null,
  after: string | null,
): WholeChange {
  if (before === null || after === null)
    return { change: { path, status, additions: 0, deletions: 0, diff: '' }, texts: null }
  const hunks = hunksBetween(linesOf(before), linesOf(after))
  const count = (sign: string) =>
    hunks.reduce((sum, { lines }) => sum + lines.filter((line) => line.startsWith(sign)).length, 0)
  const figures = { additions: count('+'), deletions: count('-') }
  return { change: { path, status, ...figures, diff: formatHunks(hunks) }, texts: { before, after } }
}
