/** A client whose runs do what the test says, and frames that come when the test says. */
import {
  type Client,
  type ClientError,
  createClient,
  type Following,
  type FollowOptions,
} from '@millrace/client'
import type { ResetData, RunKind } from '@millrace/protocol'
import { act } from 'react'
import type { Schedule } from '#sources/schedule'

export class ScriptedFollowing implements Following {
  status: Following['status'] = 'connecting'
  cursor = 0
  epoch: string | undefined
  retries = 0
  isClosed = false
  readonly #options: FollowOptions

  constructor(options: FollowOptions) {
    this.#options = options
  }

  say(type: string, data: object = {}): void {
    this.cursor += 1
    this.#options.onEvent?.({ seq: this.cursor, type, data })
  }

  queued(kind: RunKind): void {
    this.say('run:queued', { kind, project: null, spec: {} })
  }

  become(status: Following['status'], error?: ClientError): void {
    this.status = status
    this.#options.onStatus?.(status, error)
  }

  reset(data: ResetData): void {
    this.cursor = data.firstSeq - 1
    this.#options.onReset?.(data)
  }

  retry(): void {
    this.retries += 1
  }

  /** As the client does: the status is reported, also to a caller that has left. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.become('closed')
  }

  [Symbol.asyncIterator](): never {
    throw new Error('the hooks follow with callbacks')
  }
}

export interface ScriptedClient extends Client {
  /** Every following that was ever begun, the oldest first. */
  followings: { runId: string; following: ScriptedFollowing }[]
  /** Those that were not closed. */
  open(runId?: string): ScriptedFollowing[]
  /** The only one that is open. */
  only(runId?: string): ScriptedFollowing
}

/** Calls other than `follow` are answered by `answer`. */
export function scriptedClient(
  answer: typeof fetch = () => Promise.reject(new Error('no answer')),
): ScriptedClient {
  const followings: ScriptedClient['followings'] = []
  const open = (runId?: string) =>
    followings
      .filter((one) => !one.following.isClosed && (runId === undefined || one.runId === runId))
      .map(({ following }) => following)
  return {
    ...createClient({ url: 'http://millrace.test', fetch: answer }),
    follow: ((runId: string, options: FollowOptions) => {
      const following = new ScriptedFollowing(options)
      followings.push({ runId, following })
      return following
    }) as Client['follow'],
    followings,
    open,
    only: (runId) => {
      const [first, ...others] = open(runId)
      if (first === undefined || others.length > 0) throw new Error(`${open(runId).length} streams are open`)
      return first
    },
  }
}

export class Frames {
  readonly #waiting = new Set<() => void>()

  readonly schedule: Schedule = (flush) => {
    this.#waiting.add(flush)
    return () => void this.#waiting.delete(flush)
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** The next frame, with all that React does about it. */
  async next(): Promise<void> {
    await act(async () => {
      const flushes = [...this.#waiting]
      this.#waiting.clear()
      for (const flush of flushes) flush()
    })
  }
}

/** An answer in JSON, as the server gives it. */
export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}
