/** Long commands are mostly files written by heredocs. Their bodies are only text where the end mark is quoted, or where nothing in them is expanded. */
import { forEachChild, type ParsedScript, parse, type SyntaxNode } from 'unbash'
import { limits } from './reading.ts'
import { unknownText } from './symbols.ts'

const opening = /<<(-?)\s*(?:'([\w.-]+)'|"([\w.-]+)"|(\w+))/g

/** The command with such bodies left out; null where it is unclear which lines are a body. */
export function withoutBodies(text: string): string | null {
  if (!text.includes('<<')) return null
  const kept: string[] = []
  const lines = text.split('\n')
  let bodies = 0
  let room = limits.characters
  for (let at = 0; at < lines.length && room >= 0; at++) {
    const line = lines[at] ?? ''
    kept.push(line)
    room -= line.length + 1
    const [found, another] = line.includes('<<') && room >= 0 ? [...line.matchAll(opening)] : []
    if (found === undefined) continue
    const mark = found[2] ?? found[3] ?? found[4] ?? ''
    const end = endOf(lines, at + 1, mark, found[1] === '-')
    if (another !== undefined || end === -1) return null
    // Without quotes around the mark, the body is expanded.
    if (found[4] !== undefined && lines.slice(at + 1, end).some((one) => /[$`\\]/.test(one))) return null
    kept.push(unknownText, mark)
    room -= unknownText.length + mark.length + 2
    bodies++
    at = end
  }
  const short = kept.join('\n')
  return room >= 0 && bodies > 0 && short.length <= limits.characters && countBodies(parse(short)) === bodies
    ? short
    : null
}

function endOf(lines: readonly string[], from: number, mark: string, isIndented: boolean): number {
  for (let at = from; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if ((isIndented ? line.replace(/^\t+/, '') : line) === mark) return at
  }
  return -1
}

/** How many heredocs hold nothing but the stand-in. */
function countBodies(script: ParsedScript): number {
  let count = 0
  const visit = (node: SyntaxNode): void => {
    if (node.type === 'HereDoc' && node.body.text.trim() === unknownText) count++
    forEachChild(node, visit)
  }
  visit(script)
  return count
}
