/**
 * The output of a command: results on stdout, remarks on stderr, as text for people or, with `--json`, as
 * one JSON value per line. Owns neither stream; a write waits while the reader is slow.
 */
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'

export type Output = Writable & { isTTY?: boolean | undefined }
export type Input = Readable & { isTTY?: boolean | undefined }
export type Style = Parameters<typeof styleText>[0]

/** The process a command runs in. */
export interface Io {
  /** Absent: there is nobody to ask, and nothing to read. */
  readonly stdin?: Input
  stdout: Output
  stderr: Output
  env: NodeJS.ProcessEnv
  cwd: string
  /**
   * From here on, output that cannot be written is dropped instead of ending the process. Returns the function that
   * counts what was dropped. Absent: the caller handles the errors of its streams.
   */
  survive?(): () => number
}

/** A failure whose message explains it without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

export class Terminal {
  readonly json: boolean
  readonly #io: Io

  constructor(io: Io, options: { json: boolean }) {
    this.#io = io
    this.json = options.json
  }

  /** Writes one line of a result: unchanged for a program, without terminal control for a person. */
  line(text: string): Promise<void> {
    return write(this.#io.stdout, `${this.#harmless(text, this.#io.stdout)}\n`)
  }

  value(value: unknown): Promise<void> {
    return write(this.#io.stdout, `${jsonOf(value)}\n`)
  }

  /** Writes one line of a program's stderr: red on a terminal, unless it has colours of its own. */
  errorLine(text: string): Promise<void> {
    const { stderr } = this.#io
    const coloured = text.includes('\u001b') ? text : this.styled('red', text, stderr)
    return write(stderr, `${this.#harmless(coloured, stderr)}\n`)
  }

  /** Writes a remark for the person who runs the command. */
  note(text: string): Promise<void> {
    if (this.json) return write(this.#io.stderr, `${jsonOf({ notice: text })}\n`)
    return write(this.#io.stderr, `${this.styled('dim', `-- ${printable(text)}`, this.#io.stderr)}\n`)
  }

  styled(style: Style, text: string, stream: Output = this.#io.stdout): string {
    // Without a terminal, or with NO_COLOR, `styleText` leaves the text alone.
    return text === '' ? '' : styleText(style, text, { stream })
  }

  #harmless(text: string, stream: Output): string {
    return stream.isTTY ? colouredOnly(text) : text
  }
}

/** Writes the last line of a failed command. */
export async function reportFailure(io: Io, error: unknown, json: boolean): Promise<void> {
  const message = error instanceof CliError ? error.message : describeCrash(error)
  const text = json ? jsonOf({ error: { message } }) : `millrace: ${printable(message)}`
  await write(io.stderr, `${text}\n`)
}

function describeCrash(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

export async function write(stream: Output, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain')
}

/** Makes foreign text harmless: it cannot move the cursor or set the title of a terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd')
}

/** The same for a program's output, which may keep its colours (SGR, ECMA-48 8.3.117) and nothing else. */
function colouredOnly(text: string): string {
  const colours = /\u001b\[[\d;:]*m/g
  const between = text.split(colours).map(printable)
  const found = text.match(colours) ?? []
  return between.map((part, index) => part + (found[index] ?? '')).join('')
}

/** Formats one line of JSON. It also escapes the control characters that JSON allows and some terminals obey. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  )
}

/** Formats rows with columns as wide as their widest cell; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  '),
  )
}
