/** The tool `edit`: one text of a file in place of another. */
import { type Answer, Refusal } from './answer.ts'
import { fileChange } from './file-change.ts'
import { binaryKind, readWhole } from './files.ts'
import { nearMiss } from './near-miss.ts'
import { Place } from './place.ts'
import { type Replacement, replace } from './replace.ts'
import { linkNote } from './write.ts'

export interface EditRequest extends Replacement {
  path: string
  projectPath: string
}

const bytesMax = 16 * 1024 ** 2
const placesShown = 20
/** Lines shown around the change, and of the change. */
const contextLines = 3
const changedLinesMax = 40
const lineCharsMax = 400

export function run(request: EditRequest): Answer {
  const { path, projectPath } = request
  const place = Place.open(path, projectPath, false)
  try {
    const before = place.stat()
    if (before === null) throw new Refusal(`There is no ${path}. Use the write tool to create a file.`)
    const { content } = readWhole(place.reached, bytesMax, path)
    const kind = binaryKind(content)
    if (kind !== null)
      throw new Refusal(`${path} is not plain text (${kind}). Use the shell tool to change it.`)
    const replaced = replace(content, request)
    switch (replaced.found) {
      case 'nothing':
        throw new Refusal(notFound(content, request))
      case 'many':
        throw new Refusal(ambiguous(content, replaced.at, path))
      case 'replaced': {
        const { count, start, end } = replaced
        place.replace(replaced.content, before)
        const line = lineAt(replaced.content, start)
        const notes = before.nlink > 1 ? [linkNote] : []
        const done = count === 1 ? `Edited ${path}.` : `Edited ${path} in ${count} places; this is the first.`
        const text = [done, around(replaced.content, start, end), ...notes].join('\n')
        const files = [fileChange(place.path, projectPath, content, replaced.content)]
        return { ok: true, text, details: { path: place.path, replacements: count, line, files } }
      }
      default:
        return replaced satisfies never
    }
  } finally {
    place.close()
  }
}

function notFound(content: Buffer, { path, oldText, newText }: EditRequest): string {
  if (content.length === 0) return `${path} is empty. Use the write tool to give it content.`
  const plain = (text: string) => text.replaceAll('\r\n', '\n')
  const hint = nearMiss(plain(content.toString()), plain(oldText), plain(newText))
  const advice = 'Read the file again and copy the text exactly.'
  return `The old text is not in ${path}, so nothing was changed. ${hint ?? advice}`
}

function ambiguous(content: Buffer, places: readonly number[], path: string): string {
  const lines = places.slice(0, placesShown).map((at) => lineAt(content, at))
  const more = places.length > placesShown ? ', …' : ''
  return `The old text is in ${path} ${places.length} times (at lines ${lines.join(', ')}${more}), so nothing was changed. Add lines around it until it is unique, or set "replaceAll" to change all of them.`
}

function lineAt(content: Buffer, offset: number): number {
  let line = 1
  for (let at = content.indexOf(10); at !== -1 && at < offset; at = content.indexOf(10, at + 1)) line += 1
  return line
}

/** The change with the lines around it, numbered. */
function around(content: Buffer, start: number, end: number): string {
  const [first, last] = [lineAt(content, start), lineAt(content, end)]
  const lines = content.toString().split('\n')
  const from = Math.max(first - contextLines, 1)
  const to = Math.min(last + contextLines, lines.length - (lines.at(-1) === '' ? 1 : 0))
  const shown = lines.slice(from - 1, to).map((line, index) => {
    const text = line.replace(/\r$/, '')
    const clipped = text.length > lineCharsMax ? `${text.slice(0, lineCharsMax)} […]` : text
    return `${String(from + index).padStart(6)}\t${clipped}`
  })
  if (shown.length <= changedLinesMax) return shown.join('\n')
  const half = changedLinesMax / 2
  return [...shown.slice(0, half), `[… ${shown.length - 2 * half} lines …]`, ...shown.slice(-half)].join('\n')
}
