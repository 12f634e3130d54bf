/**
 * The small program that starts a run's program inside the boundary and reports how it really ended
 * (`launcher/launch.c`).
 */
import { Buffer } from 'node:buffer'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { MillraceError } from '@millrace/protocol'
import type { SandboxedCommand } from '#sandbox'
import { binaries } from './binaries.ts'

/** The path of the launcher inside the boundary. */
export const launcherPath = '/run/millrace/launch'

/** Returns the program for this machine. Null if there is none: exit codes above 128 then count as signals. */
export function launcherProgram(machine: string = process.arch): Buffer | null {
  const binary = binaries[machine]
  return binary === undefined ? null : gunzipSync(Buffer.from(binary, 'base64'))
}

/** Returns the arguments of the launcher, before those of the program. `descriptor`: where it reports. */
export function launchArguments(
  descriptor: number,
  { terminal }: Pick<SandboxedCommand, 'terminal'>,
  wantsGit: boolean,
  listening: { channel: number; ports: readonly number[] } | null = null,
): string[] {
  const size = terminal === undefined ? [] : [`tty=${terminal.columns}x${terminal.rows}`]
  const ports =
    listening === null
      ? []
      : [`channel=${listening.channel}`, ...listening.ports.map((port) => `listen=${port}`)]
  return [String(descriptor), ...(wantsGit ? ['git'] : []), ...size, ...ports, '--']
}

/** Throws `sandbox_unavailable` for a command that wants a terminal. Call it where there is no launcher. */
export function refuseTerminal({ terminal }: Pick<SandboxedCommand, 'terminal'>): void {
  if (terminal === undefined) return
  throw new MillraceError(
    'sandbox_unavailable',
    `there are no terminals for runs on ${process.platform} ${process.arch}`,
  )
}

// Some numbers have two names, the usual one first.
const signalNames = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name as NodeJS.Signals]),
)

export function signalName(number: number): NodeJS.Signals | undefined {
  return signalNames.get(number)
}

export type LaunchReport =
  | { kind: 'exit'; code: number }
  | { kind: 'signal'; signal: NodeJS.Signals }
  | { kind: 'errno'; errno: number }

const configBytesMax = 262_144
const pathBytesMax = 4096

/**
 * Reads the report. Call `last()` once the launcher has ended. It returns null if the launcher was killed before it
 * reported. A program of the run can forge every report.
 */
export class LaunchReader {
  readonly #closed: Promise<void>
  readonly #changed: (directory: string, text: string) => void
  #pending = Buffer.alloc(0)
  #last: LaunchReport | null = null
  #isBroken = false

  /** `changed` is called when git changed its configuration inside: where that is, and its new text. */
  constructor(pipe: Readable, changed: (directory: string, text: string) => void = () => {}) {
    this.#changed = changed
    pipe.on('data', (chunk: Buffer) => {
      if (this.#isBroken) return
      this.#pending = Buffer.concat([this.#pending, chunk])
      while (this.#take()) {}
    })
    pipe.on('error', () => {})
    this.#closed = new Promise((resolve) => pipe.once('close', resolve))
  }

  get closed(): Promise<void> {
    return this.#closed
  }

  last(): LaunchReport | null {
    return this.#last
  }

  /** Takes one report off the pending bytes, if there is a whole one. */
  #take(): boolean {
    const end = this.#pending.indexOf(0x0a)
    if (end === -1) {
      this.#isBroken = this.#pending.length > 64
      return false
    }
    const line = this.#pending.toString('latin1', 0, end)
    const [, path, text] = /^config ([0-9]{1,6}) ([0-9]{1,6})$/.exec(line) ?? []
    if (path === undefined || text === undefined) {
      this.#last ??= reportOf(line)
      this.#pending = this.#pending.subarray(end + 1)
      return true
    }
    const [pathBytes, textBytes, start] = [Number(path), Number(text), end + 1]
    this.#isBroken = pathBytes > pathBytesMax || textBytes > configBytesMax
    if (this.#isBroken || this.#pending.length < start + pathBytes + textBytes) return false
    const at = start + pathBytes
    this.#changed(
      this.#pending.toString('utf8', start, at),
      this.#pending.toString('utf8', at, at + textBytes),
    )
    this.#pending = this.#pending.subarray(at + textBytes)
    return true
  }
}

function reportOf(line: string): LaunchReport | null {
  const [, what, digits] = /^(exit|signal|errno) ([0-9]+)$/.exec(line) ?? []
  if (what === undefined) return null
  const value = Number(digits)
  if (what === 'errno') return { kind: 'errno', errno: value }
  if (what === 'exit') return { kind: 'exit', code: value }
  const signal = signalName(value)
  return signal === undefined ? { kind: 'exit', code: 128 + value } : { kind: 'signal', signal }
}
