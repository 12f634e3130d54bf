/**
 * What the server does itself, outside the boundary, in the place of a project's owner: as the user that its runs have,
 * with that user's home and nothing else of the server's environment. For programs that are trusted and read nothing
 * that a run wrote as code or settings.
 */
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { homeOf, type Identity, identityFor } from './identity.ts'
import { giveDirectory } from './ownership.ts'
import { findProgram } from './program.ts'

export interface OwnerCommand {
  cwd: string
  env?: Readonly<Record<string, string>>
  /** Standard input. Default: nothing. */
  input?: string
  timeoutMs?: number
}

const path = '/usr/local/bin:/usr/bin:/bin'
const outputBytesMax = 64 * 1024 ** 2
const timeoutDefaultMs = 120_000

export class ProjectOwner {
  readonly uid: number
  /** It is the server's own user. */
  readonly isServer: boolean
  readonly #identity: Identity
  readonly #home: string

  /** The owner of an existing directory. */
  constructor(directory: string, home = homedir()) {
    this.#identity = identityFor(directory, findProgram('setpriv'))
    this.uid = this.#identity.uid
    this.isServer = this.#identity.become.length === 0
    this.#home = this.isServer ? home : (homeOf(this.uid) ?? '/nonexistent')
  }

  /** Runs one of the system's programs. Fails only if it cannot be started. */
  run(
    [name, ...args]: readonly [string, ...string[]],
    { cwd, env = {}, input = '', timeoutMs = timeoutDefaultMs }: OwnerCommand,
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const program = findProgram(name)
    if (program === null) return Promise.reject(new Error(`${name} is not installed`))
    const [first = program, ...rest] = [...this.#identity.become, program, ...args]
    return new Promise((resolve, reject) => {
      const child = execFile(
        first,
        rest,
        {
          cwd,
          env: { PATH: path, HOME: this.#home, LC_ALL: 'C.UTF-8', ...env },
          maxBuffer: outputBytesMax,
          timeout: timeoutMs,
          killSignal: 'SIGKILL',
        },
        (error, stdout, stderr) => {
          if (error === null) resolve({ code: 0, stdout, stderr })
          else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr })
          else if (error.killed === true || error.signal != null) resolve({ code: null, stdout, stderr })
          else reject(error)
        },
      )
      // A program that reads nothing may be gone by now.
      child.stdin?.on('error', () => {})
      child.stdin?.end(input)
    })
  }

  /** Makes a directory that this user alone may enter, or leaves the one that exists. Its parent is the server's own. */
  makeDirectory(directory: string): void {
    try {
      mkdirSync(directory, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      return
    }
    if (!this.isServer) giveDirectory(directory, this.#identity)
  }
}
