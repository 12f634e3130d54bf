import type { Client, FollowStatus } from '@millrace/client'
import { describe, expect, it } from 'vitest'
import { EventLog } from '#run/log/event-log.ts'

const line = (seq: number) => ({
  seq,
  at: seq,
  type: 'output',
  data: { line: `line ${seq}`, timestamp: seq },
})

interface Followed {
  after: number
  signal: AbortSignal
  onEvent(event: { seq: number; type: string; data: unknown }): void
  onReset(reset: { reason: 'epoch'; firstSeq: number; head: number }): void
  onStatus(status: FollowStatus): void
}

/** A server with one log, whose pages are answered when the test says so. */
function serverOf(log: { firstSeq?: number; head: number; closed?: boolean; epoch?: string }) {
  const asked: { after: number; limit: number; answer(): void; signal: AbortSignal | undefined }[] = []
  const followed: Followed[] = []
  const client = {
    events: (_: string, { after = 0, limit = 1000 } = {}, { signal }: { signal?: AbortSignal } = {}) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
        const answer = () => {
          const first = Math.max(after + 1, log.firstSeq ?? 1)
          const count = Math.max(Math.min(limit, log.head - first + 1), 0)
          resolve({
            events: Array.from({ length: count }, (_, index) => line(first + index)),
            head: log.head,
            closed: log.closed ?? false,
            epoch: log.epoch ?? 'one',
          })
        }
        asked.push({ after, limit, answer, signal })
      }),
    follow: (_: string, options: unknown) => {
      followed.push(options as Followed)
      return { close: () => {}, retry: () => {} }
    },
  } as unknown as Pick<Client, 'events' | 'follow'>
  const opened = new EventLog(client, 'run', {
    schedule: (flush) => {
      queueMicrotask(flush)
      return () => {}
    },
    bounds: { blockEvents: 10, charsMax: 1_000_000 },
  })
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  const answerAll = async () => {
    for (let index = 0; index < asked.length; index++) {
      asked[index]?.answer()
      await settle()
    }
  }
  return { log, asked, followed, opened, settle, answerAll }
}

describe('EventLog', () => {
  it('opening reads one event, and its end is wanted and followed at once', async () => {
    const { opened, asked, followed, answerAll } = serverOf({ head: 95 })
    void opened.open(95)
    expect(asked.map(({ after, limit }) => [after, limit]).slice(0, 2)).toEqual([
      [0, 1],
      [90, 10],
    ])
    await answerAll()
    expect(opened.state).toMatchObject({ firstSeq: 1, head: 95, isClosed: false })
    expect(opened.event(95)).toEqual(line(95))
    expect(followed.map(({ after }) => after)).toEqual([95])
  })

  it('a finished log is not followed', async () => {
    const { opened, followed, answerAll } = serverOf({ head: 5, closed: true })
    void opened.open()
    await answerAll()
    expect(opened.state).toMatchObject({ isClosed: true, status: 'closed' })
    expect(followed).toEqual([])
  })

  it('a log whose beginning was pruned begins at its first kept event', async () => {
    const { opened, answerAll } = serverOf({ firstSeq: 38, head: 60, closed: true })
    void opened.open(60)
    await answerAll()
    opened.want(38, 60)
    await answerAll()
    expect(opened.state.firstSeq).toBe(38)
    expect([opened.event(37), opened.event(38), opened.event(60)]).toEqual([undefined, line(38), line(60)])
  })

  it('reads of what is no longer wanted end', async () => {
    const { opened, asked, answerAll, settle } = serverOf({ head: 1000, closed: true })
    void opened.open(1000)
    await answerAll()
    opened.want(500, 505)
    const [read] = asked.slice(-1)
    opened.want(100, 105)
    await settle()
    expect(read?.signal?.aborted).toBe(true)
    expect(asked.at(-1)?.after).toBe(90)
  })

  it('live events continue what is in memory, and others are read when they are wanted', async () => {
    const server = serverOf({ head: 12 })
    const { opened, followed, asked, answerAll, settle } = server
    void opened.open()
    await answerAll()
    const [{ onEvent } = {} as Followed] = followed
    onEvent(line(13))
    await settle()
    expect(opened.state.head).toBe(13)
    expect(opened.event(13)).toBeUndefined()
    server.log.head = 13
    opened.want(11, 13)
    await answerAll()
    expect(opened.event(13)).toEqual(line(13))
    const count = asked.length
    onEvent(line(14))
    await settle()
    expect(opened.event(14)).toMatchObject({ seq: 14, at: 14 })
    expect(asked.length).toBe(count)
  })

  it('after a reset nothing of the old log is shown', async () => {
    const { opened, followed, answerAll, settle } = serverOf({ head: 20 })
    void opened.open()
    opened.want(1, 20)
    await answerAll()
    followed[0]?.onReset({ reason: 'epoch', firstSeq: 1, head: 2 })
    await settle()
    expect(opened.event(5)).toBeUndefined()
    expect(opened.state).toMatchObject({ firstSeq: 1, head: 0 })
  })
})
