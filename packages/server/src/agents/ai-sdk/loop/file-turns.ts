/**
 * The order in which calls change files. Those that change the same file run one after another, in the order in which the
 * model made them, whatever paths and links lead to it. People may be asked about all of them at once.
 *
 * Owns: the last call of each file that calls are changing.
 * Invariants: a call waits only for calls that entered before it; a file that no call is changing is forgotten.
 */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export interface FileTurn {
  /** Resolves when the calls before this one are over. Never rejects. */
  comes: Promise<void>
  /** The call is over, whether or not it ran. */
  leave(): void
}

export class FileTurns {
  readonly #last = new Map<string, Promise<void>>()
  #entering: Promise<unknown> = Promise.resolve()

  /** Files that calls are changing. */
  get files(): number {
    return this.#last.size
  }

  /** `path` is absolute. Turns are in the order of these calls. Never rejects. */
  enter(path: string): Promise<FileTurn> {
    const file = realPath(path)
    const entered = this.#entering.then(async () => this.#enter(await file))
    this.#entering = entered
    return entered
  }

  #enter(file: string): FileTurn {
    const comes = this.#last.get(file) ?? Promise.resolve()
    const { promise: left, resolve: leave } = Promise.withResolvers<void>()
    const over = comes
      .then(() => left)
      .then(() => {
        if (this.#last.get(file) === over) this.#last.delete(file)
      })
    this.#last.set(file, over)
    return { comes, leave }
  }
}

/** Follows links as far as the path exists. Opens nothing. Never rejects. */
async function realPath(path: string): Promise<string> {
  const missing: string[] = []
  for (let at = path; ; at = dirname(at)) {
    try {
      return join(await realpath(at), ...missing)
    } catch {
      if (at === dirname(at)) return path
      missing.unshift(basename(at))
    }
  }
}
