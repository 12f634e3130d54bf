/**
 * Files that a tool of the agent SDK changed, from its structured result: `Write` and `Edit` bring a patch, and `Bash`
 * one for each file where the project is a git repository. They are foreign, so nothing about their shape is taken for granted.
 */
import type { FileChange } from '#changes'
import { numberOf, recordOf, stringOf } from '../run.ts'
import { creation, formatHunks, type Hunk } from './hunks.ts'

/** Of one result. The SDK lists far fewer. */
const filesMax = 500

/** `cwd`: where the agent works; paths inside are relative to it. */
export function changesInResult(result: unknown, cwd: string | null): FileChange[] {
  const { filePath, structuredPatch, type, content, originalFile, bashEditDiff } = recordOf(result)
  const { files } = recordOf(bashEditDiff)
  if (Array.isArray(files)) {
    return files.slice(0, filesMax).flatMap((file) => changeByShell(recordOf(file), cwd))
  }
  const path = stringOf(filePath)
  if (path === null || !Array.isArray(structuredPatch)) return []
  if (type === 'create') return [change(path, 'added', [creation(stringOf(content) ?? '')], cwd)]
  if (typeof content === 'string' && content === originalFile) return []
  return [change(path, 'modified', hunksIn(structuredPatch), cwd)]
}

function changeByShell(
  { filePath, hunks, created, deleted }: Record<string, unknown>,
  cwd: string | null,
): FileChange[] {
  const path = stringOf(filePath)
  if (path === null || !Array.isArray(hunks)) return []
  // The SDK lets the empty file begin at line 0 or at line 1.
  if (created === true) {
    const fresh = hunksIn(hunks).map((hunk) => (hunk.oldLines === 0 ? { ...hunk, oldStart: 0 } : hunk))
    return [change(path, 'added', fresh, cwd)]
  }
  return [change(path, deleted === true ? 'deleted' : 'modified', hunksIn(hunks), cwd)]
}

function hunksIn(hunks: readonly unknown[]): Hunk[] {
  return hunks.map(recordOf).flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => {
    const figures = [oldStart, oldLines, newStart, newLines].map(numberOf)
    if (figures.some((figure) => !Number.isSafeInteger(figure) || Number(figure) < 0)) return []
    if (!Array.isArray(lines) || lines.some((line) => typeof line !== 'string')) return []
    const [a = 0, b = 0, c = 0, d = 0] = figures as number[]
    return [{ oldStart: a, oldLines: b, newStart: c, newLines: d, lines: lines as string[] }]
  })
}

function change(
  path: string,
  status: FileChange['status'],
  hunks: readonly Hunk[],
  cwd: string | null,
): FileChange {
  const count = (sign: string) =>
    hunks.reduce((sum, { lines }) => sum + lines.filter((line) => line.startsWith(sign)).length, 0)
  const place = cwd !== null && path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path
  return { path: place, status, additions: count('+'), deletions: count('-'), diff: formatHunks(hunks) }
}
