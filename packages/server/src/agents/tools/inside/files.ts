/**
 * Opens files so that nothing in a project can hurt the reader: named pipes and devices are not opened, and what was
 * checked is what is read, because the check is about the open descriptor.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { Refusal } from './answer.ts'

export interface OpenFile {
  fd: number
  stat: Stats
}

/**
 * Opens a regular file for reading. The caller closes it. `shown` is its path for messages, where `path` has been resolved
 * and leads to no link.
 */
export function openRegular(path: string, shown?: string): OpenFile {
  const isLast = shown !== undefined
  // Before it is opened as well: opening alone may do something, as with a tape or a terminal.
  refuseSpecial(shown ?? path, isLast ? lstatSync(path) : statSync(path))
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW } = constants
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | (isLast ? O_NOFOLLOW : 0))
  try {
    const stat = fstatSync(fd)
    refuseSpecial(shown ?? path, stat)
    return { fd, stat }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

export function refuseSpecial(path: string, stat: Stats): void {
  if (stat.isFile()) return
  if (stat.isDirectory()) throw new Refusal(`${path} is a directory. Use the list tool to see what is in it.`)
  const kind = stat.isFIFO() ? 'a named pipe' : stat.isSocket() ? 'a socket' : 'a device'
  throw new Refusal(`${path} is ${kind}, not a file with content. The file tools do not open it.`)
}

/** Reads until the buffer is full or the file ends; returns how many bytes that are. */
export function readFully(fd: number, buffer: Buffer, position: number): number {
  let length = 0
  while (length < buffer.length) {
    const count = readSync(fd, buffer, length, buffer.length - length, position + length)
    if (count === 0) break
    length += count
  }
  return length
}

/** Reads a whole file of at most `bytesMax`. `shown`: as of `openRegular`. */
export function readWhole(path: string, bytesMax: number, shown?: string): { content: Buffer; stat: Stats } {
  const { fd, stat } = openRegular(path, shown)
  const tooLong = (bytes: number) => new Refusal(tooLarge(shown ?? path, bytes, bytesMax))
  try {
    if (stat.size > bytesMax) throw tooLong(stat.size)
    // One more byte tells whether the file has grown.
    const buffer = Buffer.alloc(Math.min(Math.max(stat.size, 65_536), bytesMax) + 1)
    const length = readFully(fd, buffer, 0)
    if (length === buffer.length) throw tooLong(Math.max(stat.size, length))
    return { content: buffer.subarray(0, length), stat }
  } finally {
    closeSync(fd)
  }
}

function tooLarge(path: string, size: number, bytesMax: number): string {
  return `${path} is too large for this tool: ${sizeText(size)}, and the limit is ${sizeText(bytesMax)}. Use the shell tool.`
}

export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`
  return bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(1)} MiB` : `${(bytes / 1024 ** 3).toFixed(1)} GiB`
}

/** A path as one line: a line break in a name must not look like another entry, nor an escape like a colour. */
export function inLine(path: string): string {
  const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
  if (!control.test(path)) return path
  const escaped = (one: string) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(path).replace(/[\u007f-\u009f\u2028\u2029]/g, escaped)
}

const images: readonly [kind: string, start: string][] = [
  ['PNG', '\x89PNG'],
  ['JPEG', '\xff\xd8\xff'],
  ['GIF', 'GIF8'],
  ['BMP', 'BM'],
  ['TIFF', 'II*\0'],
  ['TIFF', 'MM\0*'],
  ['icon', '\0\0\x01\0'],
]

/** Says what the first bytes of a file are, if they are not text; null if they may be text. */
export function binaryKind(head: Buffer): string | null {
  const start = head.toString('latin1', 0, 16)
  if (start.startsWith('\xff\xfe') || start.startsWith('\xfe\xff')) return 'UTF-16 text'
  if (head.subarray(0, 8192).includes(0)) return imageKind(start) ?? 'a binary file'
  if (start.startsWith('%PDF-')) return 'a PDF document'
  const image = imageKind(start)
  // Text may begin with these letters, too; only bytes that no text has tell.
  return image === 'BMP image' || image === 'GIF image' ? null : image
}

function imageKind(start: string): string | null {
  if (start.startsWith('RIFF') && start.slice(8, 12) === 'WEBP') return 'WebP image'
  const found = images.find(([, magic]) => start.startsWith(magic))
  return found === undefined ? null : `${found[0]} image`
}
