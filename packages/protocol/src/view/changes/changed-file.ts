/** One file, and what has been done to it so far. */
import type { FileChange } from '#changes'
import { formatHunks, parseHunks } from './hunks.ts'
import { follow, hunksOf, noPatch, type Patch, sizeOf } from './patch.ts'

export interface ChangedFile {
  readonly path: string
  readonly status: FileChange['status']
  /** Null where the lines are not known, or are too many. */
  readonly patch: Patch | null
  /** Of all changes together. */
  readonly additions: number
  readonly deletions: number
}

/** Lines that a patch holds: joining two takes time that grows with the square. */
const linesMax = 2000

/** Returns the file after one more change; null when it is again as it was. */
export function afterChange(file: ChangedFile | undefined, change: FileChange): ChangedFile | null {
  const status = statusAfter(file?.status, change.status)
  if (status === null) return null
  const patch = patchAfter(file, change)
  if (status === 'modified' && patch !== null && patch.edits.length === 0) return null
  return {
    path: change.path,
    status,
    patch,
    additions: (file?.additions ?? 0) + change.additions,
    deletions: (file?.deletions ?? 0) + change.deletions,
  }
}

/** From how the file was at first to how it is now. */
function statusAfter(
  before: FileChange['status'] | undefined,
  now: FileChange['status'],
): FileChange['status'] | null {
  if (before === undefined) return now
  if (before === 'added') return now === 'deleted' ? null : 'added'
  return now === 'deleted' ? 'deleted' : 'modified'
}

function patchAfter(
  file: ChangedFile | undefined,
  { status, diff, additions, deletions }: FileChange,
): Patch | null {
  if (file?.patch === null) return null
  const hunks = parseHunks(diff)
  // An empty file comes and goes without lines. Otherwise a change without lines is one that nobody knows.
  if (hunks.length === 0 && (status === 'modified' || additions + deletions > 0)) return null
  const shown = hunks.reduce((sum, { lines }) => sum + lines.length, 0)
  if (shown > linesMax || hunks.length > linesMax) return null
  const patch = follow(file?.patch ?? noPatch, hunks)
  const { additions: added, deletions: removed } = sizeOf(patch)
  return added + removed + patch.known.size > linesMax ? null : patch
}

export function changeOf({ path, status, patch, additions, deletions }: ChangedFile): FileChange {
  if (patch === null) return { path, status, additions, deletions, diff: '' }
  return { path, status, ...sizeOf(patch), diff: formatHunks(hunksOf(patch)) }
}
