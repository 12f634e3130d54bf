/** Groups of lines, marked as GitHub's and Azure's runners do: `::group::Title` … `::endgroup::`. */
export type Mark = { kind: 'begin'; title: string } | { kind: 'end' }

const begin = /^(?:::group::|##\[group\])(.*)$/s
const end = /^(?:::endgroup::|##\[endgroup\])/

export function markOf(line: string): Mark | null {
  if (!line.startsWith('::') && !line.startsWith('##[')) return null
  const title = begin.exec(line)?.[1]
  if (title !== undefined) return { kind: 'begin', title: title.trim() || 'Group' }
  return end.test(line) ? { kind: 'end' } : null
}

/** Other commands of those runners that are shown as what they mean: `::error file=a.js::Message`. */
const command = /^(?:::(error|warning|notice|debug)(?: [^:]*)?::|##\[(error|warning|section|debug|command)\])/

export function levelOf(line: string): { level: string; text: string } | null {
  const found = command.exec(line)
  if (found === null) return null
  return { level: found[1] ?? found[2] ?? '', text: line.slice(found[0].length) }
}
