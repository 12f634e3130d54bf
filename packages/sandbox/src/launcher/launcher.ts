/**
 * The small program that starts a run's program inside the boundary and reports how it really ended
 * (`launcher/launch.c`).
 */
import { Buffer } from 'node:buffer'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { binaries } from './binaries.ts'

/** The path of the launcher inside the boundary. */
export const launcherPath = '/run/millrace/launch'

/** Returns the program for this machine. Null if there is none: exit codes above 128 then count as signals. */
export function launcherProgram(machine: string = process.arch): Buffer | null {
  const binary = binaries[machine]
  return binary === undefined ? null : gunzipSync(Buffer.from(binary, 'base64'))
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

/** Reads the report. Call `last()` once the launcher has ended. It returns null if the launcher was killed before it reported. */
export class LaunchReader {
  readonly #closed: Promise<void>
  #text = ''

  constructor(pipe: Readable) {
    pipe.on('data', (chunk: Buffer) => {
      if (this.#text.length < 256) this.#text += chunk.toString('latin1')
    })
    pipe.on('error', () => {})
    this.#closed = new Promise((resolve) => pipe.once('close', resolve))
  }

  get closed(): Promise<void> {
    return this.#closed
  }

  last(): LaunchReport | null {
    const [, what, digits] = /^(exit|signal|errno) ([0-9]+)\n/.exec(this.#text) ?? []
    if (what === undefined) return null
    const value = Number(digits)
    if (what === 'errno') return { kind: 'errno', errno: value }
    if (what === 'exit') return { kind: 'exit', code: value }
    const signal = signalName(value)
    return signal === undefined ? { kind: 'exit', code: 128 + value } : { kind: 'signal', signal }
  }
}
