/** Reads what `git diff` prints, with renames off, as the changes of files. */
import type { FileChange } from '@millrace/protocol'

const filesMax = 500
/** Of all diffs together. */
const diffCharsMax = 2 * 1024 ** 2

/** `count`: of the files that changed; `isCut`: the text ends somewhere in the middle. */
export function filesOfDiff(
  text: string,
  { count, isCut }: { count: number; isCut: boolean },
): { files: FileChange[]; filesLeftOut: number } {
  const sections = text.split(/^(?=diff --git )/m).filter((section) => section.startsWith('diff --git '))
  if (isCut) sections.pop()
  let chars = 0
  const files = sections.slice(0, filesMax).map((section) => {
    const file = fileOf(section)
    chars += file.diff.length
    return chars > diffCharsMax ? { ...file, diff: '' } : file
  })
  return { files, filesLeftOut: Math.max(0, count - files.length) }
}

function fileOf(section: string): FileChange {
  const start = section.search(/^@@ /m)
  const header = start === -1 ? section : section.slice(0, start)
  const diff = start === -1 ? '' : section.slice(start).replace(/\n$/, '')
  const lines = diff.split('\n')
  return {
    path: pathOf(header.slice('diff --git '.length).split('\n')[0] ?? ''),
    status: /^new file mode/m.test(header)
      ? 'added'
      : /^deleted file mode/m.test(header)
        ? 'deleted'
        : 'modified',
    additions: lines.filter((line) => line.startsWith('+')).length,
    deletions: lines.filter((line) => line.startsWith('-')).length,
    diff,
  }
}

/** `a/<path> b/<path>`, with the same path twice; in quotes if it has unusual characters. */
function pathOf(named: string): string {
  if (named.startsWith('"')) return unquoted(named.slice(1, (named.length - 1) / 2 - 1)).slice('a/'.length)
  return named.slice('a/'.length, (named.length - 1) / 2)
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
}

function unquoted(text: string): string {
  return text.replace(/\\([0-7]{3}|.)/gs, (_all, code: string) =>
    /^[0-7]{3}$/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (escapes[code] ?? code),
  )
}
