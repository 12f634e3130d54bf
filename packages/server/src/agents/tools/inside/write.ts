/** The tool `write`: a whole file. */
import type { Answer } from './answer.ts'
import { fileChange } from './file-change.ts'
import { readWhole, sizeText } from './files.ts'
import { Place } from './place.ts'

export interface WriteRequest {
  path: string
  content: string
  projectPath: string
}

/** A larger file is replaced without a look at what it was like. */
const comparedBytesMax = 16 * 1024 ** 2

export function run({ path, content, projectPath }: WriteRequest): Answer {
  const place = Place.open(path, projectPath, true)
  try {
    const bytes = Buffer.from(content)
    const before = place.stat()
    const old =
      before === null || before.size > comparedBytesMax
        ? null
        : readWhole(place.reached, comparedBytesMax, path).content
    const details = { path: place.path, created: before === null, bytes: bytes.length }
    if (old?.equals(bytes)) return { ok: true, text: `${path} already has exactly this content.`, details }
    place.write(bytes, before)
    const size = `${linesIn(content)}, ${sizeText(bytes.length)}`
    const done =
      before === null
        ? `Created ${path} (${size}).`
        : `Replaced the content of ${path} (${size}; it had ${sizeText(before.size)}).`
    const known = before === null ? null : (old ?? undefined)
    const files = [fileChange(place.path, projectPath, known, bytes)]
    const text = [done, ...notesOn(old, content, before?.nlink ?? 1)].join('\n')
    return { ok: true, text, details: { ...details, files } }
  } finally {
    place.close()
  }
}

function notesOn(old: Buffer | null, content: string, links: number): string[] {
  const notes: string[] = []
  if (old?.includes('\r\n') && content.includes('\n') && !content.includes('\r\n'))
    notes.push('[Its lines ended with CRLF before; now they end with LF.]')
  if (links > 1) notes.push(linkNote)
  return notes
}

export const linkNote = '[The file had other names (hard links). They keep the old content.]'

function linesIn(content: string): string {
  if (content === '') return 'empty'
  const count = content.split('\n').length - (content.endsWith('\n') ? 1 : 0)
  return count === 1 ? '1 line' : `${count} lines`
}
