/**
 * The pipes that a run's programs write to.
 *
 * Node's "pipes" are sockets, and a program cannot open a socket again by name: `tee /dev/stderr`, `> /dev/stdout`
 * and `curl -o /dev/stdout` fail. These are real pipes. Node cannot create them, so each starts as a FIFO made
 * by `mkfifo` and loses its name as soon as both ends are open.
 *
 * Owns: the unused pipes, made a few at a time, until `close()`.
 * Invariant: a pipe is used once, and only the run's own processes and this one can open it.
 */
import { execFile } from 'node:child_process'
import { closeSync, constants, fchownSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { MillraceError, messageOf } from '@millrace/protocol'

export interface OutputPipe {
  reader: Readable
  /** The end for the child. Close it here once the child has it: the reader ends when all copies are closed. */
  writer: number
}

interface UnusedPipe {
  reading: number
  writing: number
}

const pipesMadeAtOnce = 8
const fewestUnused = 4

export class OutputPipes {
  readonly #mkfifo: string | null
  readonly #unused: UnusedPipe[] = []
  #making: Promise<void> | null = null
  #closed = false

  /** `mkfifo` is the absolute path of the program. If it is null, runs get sockets. */
  constructor(mkfifo: string | null) {
    this.#mkfifo = mkfifo
  }

  /** Returns pipes for stdout and stderr that `owner` may open again by name, or null if this machine has none. */
  async take(owner: { uid: number; gid: number }): Promise<[OutputPipe, OutputPipe] | null> {
    if (this.#mkfifo === null) return null
    while (this.#unused.length < 2) await this.#refill()
    const [stdout, stderr] = this.#unused.splice(-2) as [UnusedPipe, UnusedPipe]
    // Refill ahead of need. A failure surfaces once none are left.
    if (this.#unused.length < fewestUnused) this.#refill().catch(() => {})
    return [givenTo(owner, stdout), givenTo(owner, stderr)]
  }

  close(): void {
    this.#closed = true
    for (const pipe of this.#unused.splice(0)) discard(pipe)
  }

  #refill(): Promise<void> {
    this.#making ??= this.#make().finally(() => {
      this.#making = null
    })
    return this.#making
  }

  async #make(): Promise<void> {
    let directory: string | null = null
    try {
      // Not in the data directory: a program that reads it at this moment would block on the FIFO.
      directory = mkdtempSync(join(tmpdir(), 'millrace-pipes-'))
      const paths = Array.from({ length: pipesMadeAtOnce }, (_, index) =>
        join(directory ?? '', String(index)),
      )
      await promisify(execFile)(this.#mkfifo as string, ['-m', '600', ...paths], { env: {} })
      for (const path of paths) this.#unused.push(open(path))
    } catch (error) {
      throw new MillraceError(
        'sandbox_unavailable',
        `could not create the pipes of the run: ${messageOf(error)}`,
        {
          cause: error,
        },
      )
    } finally {
      if (directory !== null) rmSync(directory, { recursive: true, force: true })
      if (this.#closed) this.close()
    }
  }
}

function open(path: string): UnusedPipe {
  // Open for reading first, without blocking: opening the other end waits for a reader.
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    return { reading, writing: openSync(path, constants.O_WRONLY) }
  } catch (error) {
    closeSync(reading)
    throw error
  }
}

function givenTo({ uid, gid }: { uid: number; gid: number }, { reading, writing }: UnusedPipe): OutputPipe {
  if (process.getuid?.() === 0) fchownSync(writing, uid, gid)
  return { reader: new Socket({ fd: reading, readable: true, writable: false }), writer: writing }
}

function discard({ reading, writing }: UnusedPipe): void {
  closeSync(reading)
  closeSync(writing)
}

/** Returns the `stdio` entries for stdout and stderr, and a function that closes our copies once the child has them. */
export function writersOf(pipes: readonly OutputPipe[] | null): {
  stdio: (number | 'pipe')[]
  handedOver: () => void
} {
  if (pipes === null) return { stdio: ['pipe', 'pipe'], handedOver: () => {} }
  return {
    stdio: pipes.map(({ writer }) => writer),
    handedOver: () => {
      for (const { writer } of pipes) closeSync(writer)
    },
  }
}
