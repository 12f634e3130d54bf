/**
 * What a command writes to: results on stdout, everything about them on stderr, as text for a person
 * or (with `--json`) as one JSON value a line. Owns neither stream; a write waits while the reader is slow.
 */
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'

export type Output = Writable & { isTTY?: boolean | undefined }
export type Input = Readable & { isTTY?: boolean | undefined }
export type Style = Parameters<typeof styleText>[0]

/** The process a command runs in. */
export interface Io {
  /** Absent: nobody is there to be asked, and nothing to be read. */
  readonly stdin?: Input
  stdout: Output
  stderr: Output
  env: NodeJS.ProcessEnv
  cwd: string
}

/** A failure that needs no stack: its message is the whole story. */
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

  /** One line of a result: as it is for a program, without what steers a terminal for a person. */
  line(text: string): Promise<void> {
    return write(this.#io.stdout, `${this.#harmless(text, this.#io.stdout)}\n`)
  }

  value(value: unknown): Promise<void> {
    return write(this.#io.stdout, `${jsonOf(value)}\n`)
  }

  /** One line a program wrote to its stderr: red on a terminal, unless it brings colours of its own. */
  errorLine(text: string): Promise<void> {
    const { stderr } = this.#io
    const coloured = text.includes('\u001b') ? text : this.styled('red', text, stderr)
    return write(stderr, `${this.#harmless(coloured, stderr)}\n`)
  }

  /** Something a person may want to know while a command goes on. */
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

/** The last line of a command that failed. */
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

/** Text from elsewhere cannot move the cursor or set the title of a person's terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd')
}

/** The same for what a program printed, which may bring colours (SGR, ECMA-48 8.3.117) and nothing else. */
function colouredOnly(text: string): string {
  const colours = /\u001b\[[\d;:]*m/g
  const between = text.split(colours).map(printable)
  const found = text.match(colours) ?? []
  return between.map((part, index) => part + (found[index] ?? '')).join('')
}

/** As JSON of one line. What it leaves of control characters, some terminals obey, too. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  )
}

/** Columns as wide as their widest cell; the last one is not padded. */
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
