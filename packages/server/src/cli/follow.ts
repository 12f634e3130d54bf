/**
 * Follows a run to its end with the client, and puts what happens to the connection into the same sequence as the
 * events: a printer shows both.
 */
import { ClientError, type FollowStatus, follow as followWith } from '@millrace/client'
import type { Json, ResetData } from '@millrace/protocol'
import { explain } from './api.ts'
import type { Connection, Server } from './connect.ts'
import { exitCodes } from './exit-codes.ts'
import { CliError } from './terminal.ts'

export type Followed =
  | { kind: 'event'; seq: number; type: string; data: Json }
  | { kind: 'reset'; data: ResetData }
  /** The connection is gone. Another attempt follows. */
  | { kind: 'lost'; reason: string }
  | { kind: 'back' }
  /** The server has nothing more to send. */
  | { kind: 'over' }

interface FollowOptions {
  runId: string
  connection: Connection
  signal: AbortSignal
  /** How long the server may be away before the command gives up, in milliseconds. */
  waitMs: number
}

/** Ends after `over`, or when the caller has seen enough (the terminal event). */
export async function* follow(options: FollowOptions): AsyncGenerator<Followed, void, void> {
  const { runId, connection, signal, waitMs } = options
  const notices = new Notices()
  const following = followWith(whereabouts(connection), runId, {
    signal,
    attempts: Number.POSITIVE_INFINITY,
    giveUpAfterMs: waitMs,
    // A person is watching, and the server is usually on the same machine.
    backoff: { firstMs: 100, maxMs: 5000 },
    // Between two servers of one data directory, the token may be the old one's and the address the new one's.
    isPassing: ({ status }) => status === 401 && connection.renewsToken,
    onStatus: (status, error) => notices.take(status, error),
  })
  const events = following[Symbol.asyncIterator]()
  try {
    while (true) {
      const coming = events.next()
      // A notice is shown while the next event is awaited; it does not make another request.
      while (await notices.before(coming)) yield* notices.taken()
      yield* notices.taken()
      const next = await coming
      if (next.done) break
      const { seq, type, data } = next.value
      if (seq === null) yield { kind: 'reset', data: data as ResetData }
      else yield { kind: 'event', seq, type, data: data as Json }
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : readable(error, waitMs)
  } finally {
    // An attempt may be under way: a `return` of the iterator would wait for its outcome.
    following.close()
  }
  if (signal.aborted) throw signal.reason
  yield { kind: 'over' }
}

/** Where the server is now: a restarted one has another token and maybe another port. */
export function whereabouts(connection: Connection): { url(): Promise<string>; token(): string } {
  let server: Server = connection.server
  let isFirst = true
  return {
    url: async () => {
      const now = isFirst ? server : await connection.again()
      isFirst = false
      if (now === null) throw new ClientError('unreachable', 'the server is not running', { retry: true })
      server = now
      return server.url
    },
    token: () => server.token,
  }
}

/** Notices about the connection that have not been shown yet. */
class Notices {
  #waiting: Followed[] = []
  #isLost = false
  #wake = () => {}

  take(status: FollowStatus, error: ClientError | undefined): void {
    if (status === 'reconnecting') this.#add({ kind: 'lost', reason: causeOf(error) })
    if (status === 'open' && this.#isLost) this.#add({ kind: 'back' })
    this.#isLost = status === 'reconnecting'
  }

  taken(): Followed[] {
    return this.#waiting.splice(0)
  }

  /** Resolves with true if there is a notice before `coming` settles. */
  async before(coming: Promise<unknown>): Promise<boolean> {
    if (this.#waiting.length > 0) return true
    const notice = new Promise<boolean>((resolve) => {
      this.#wake = () => resolve(true)
    })
    const settled = coming.then(
      () => false,
      () => false,
    )
    return Promise.race([notice, settled])
  }

  #add(notice: Followed): void {
    this.#waiting.push(notice)
    this.#wake()
  }
}

/** A printer says itself that the connection was lost. */
function causeOf(error: ClientError | undefined): string {
  return explain(error).replace(/^The connection was lost: /, '')
}

function readable(error: unknown, waitMs: number): unknown {
  if (!(error instanceof ClientError) || error.code !== 'gave_up') return error
  return new CliError(
    `gave up after ${waitMs / 1000} s: ${explain(error.cause)}. The run itself may still be going: follow it again later.`,
    exitCodes.unavailable,
  )
}
