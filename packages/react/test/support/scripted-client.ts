/** A client whose followings are driven by a test, and a scheduler whose frames are. */
import type { Client, Following, FollowOptions } from '@millrace/client'
import { act } from 'react'

export interface ScriptedFollowing {
  readonly runId: string
  readonly isOpen: boolean
  readonly retries: number
  /** Sends events of these types, numbered on. */
  send(...events: [type: string, data: unknown][]): void
  status: NonNullable<FollowOptions['onStatus']>
  reset(firstSeq: number): void
}

export function scriptedClient(calls: Partial<Client> = {}) {
  const followings: ScriptedFollowing[] = []
  const follow = (runId: string, options: FollowOptions): Following => {
    let head = 0
    let isOpen = true
    let retries = 0
    let status: Following['status'] = 'connecting'
    const become: ScriptedFollowing['status'] = (next, error) => {
      status = next
      options.onStatus?.(next, error)
    }
    followings.push({
      runId,
      get isOpen() {
        return isOpen
      },
      get retries() {
        return retries
      },
      send(...events) {
        for (const [type, data] of events) options.onEvent?.({ seq: ++head, type, data })
      },
      status: become,
      reset(firstSeq) {
        head = firstSeq - 1
        options.onReset?.({ reason: 'pruned', firstSeq, head: firstSeq } as never)
      },
    })
    // As the real one does.
    options.onStatus?.('connecting')
    return {
      get status() {
        return status
      },
      get cursor() {
        return head
      },
      epoch: 'e',
      retry: () => {
        retries += 1
      },
      close: () => {
        isOpen = false
        become('closed')
      },
      [Symbol.asyncIterator]: () => {
        throw new Error('not used')
      },
    }
  }
  return {
    client: { ...calls, follow } as unknown as Client,
    followings,
    open: () => followings.filter(({ isOpen }) => isOpen),
    /** The latest following, which must be open. */
    get now(): ScriptedFollowing {
      const latest = followings.at(-1)
      if (!latest?.isOpen) throw new Error('nothing is followed')
      return latest
    },
  }
}

/** Frames that a test lets happen. */
export function scriptedFrames() {
  const waiting = new Set<() => void>()
  let flushes = 0
  return {
    schedule: (flush: () => void) => {
      waiting.add(flush)
      return () => void waiting.delete(flush)
    },
    get waiting() {
      return waiting.size
    },
    get flushes() {
      return flushes
    },
    async frame() {
      await act(async () => {
        for (const flush of [...waiting]) {
          waiting.delete(flush)
          flushes += 1
          flush()
        }
      })
    },
  }
}

export const started = (kind: string): [string, unknown][] => [
  ['run:queued', { kind, project: null, spec: {} }],
  ['run:started', { attempt: 1 }],
]
