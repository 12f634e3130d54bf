/** Unified diffs, read and written. */

/** `lines` begin with " ", "+", "-" or "\". `oldStart` counts from 1; of an insertion it is the line before. */
export interface Hunk {
  readonly oldStart: number
  readonly oldLines: number
  readonly newStart: number
  readonly newLines: number
  readonly lines: readonly string[]
}

const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/

/** Reads hunks. What precedes the first one is skipped. */
export function parseHunks(diff: string): Hunk[] {
  const hunks: (Hunk & { lines: string[] })[] = []
  for (const line of diff.split('\n')) {
    const found = header.exec(line)
    if (found !== null) {
      const [oldStart = 0, oldLines = 1, newStart = 0, newLines = 1] = found
        .slice(1)
        .map((figure) => (figure === undefined ? undefined : Number(figure)))
      hunks.push({ oldStart, oldLines, newStart, newLines, lines: [] })
    } else if (/^[ +\-\\]/.test(line)) hunks.at(-1)?.lines.push(line)
  }
  return hunks
}

export function formatHunks(hunks: readonly Hunk[]): string {
  return hunks
    .map(({ oldStart, oldLines, newStart, newLines, lines }) =>
      [`@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@`, ...lines].join('\n'),
    )
    .join('\n')
}

function range(start: number, lines: number): string {
  return lines === 1 ? `${start}` : `${start},${lines}`
}

/** The hunk that makes a file of nothing. */
export function creation(content: string): Hunk {
  const lines = linesOf(content).map((line) => `+${line}`)
  return { oldStart: 0, oldLines: 0, newStart: 1, newLines: lines.length, lines }
}

/** The lines of a text; the end of the last one is no line. */
export function linesOf(text: string): string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}
