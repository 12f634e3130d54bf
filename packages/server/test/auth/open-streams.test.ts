import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type EndOfStream, type OpenStream, OpenStreams, type StreamLimits } from '#admission/open-streams'
import type { Identity } from '#auth/identity'
import type { Credential } from '#store/credentials'

class Stream implements OpenStream {
  ended = false
  stalledSince: number | null
  readonly closed: Promise<void>
  #resolve: () => void = () => {}

  constructor(stalledSince: number | null = null) {
    this.stalledSince = stalledSince
    this.closed = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  close(): void {
    this.ended = true
    this.#resolve()
  }
}

/** The fields of a credential that matter here. */
function identity(
  user: string,
  change: { kind?: Credential['kind']; id?: string; expiresAt?: number } = {},
): Identity {
  const { kind = 'token', id = `token of ${user}`, expiresAt = null } = change
  const credential: Credential = {
    id,
    kind,
    user,
    admin: false,
    createdAt: 0,
    expiresAt,
    revokedAt: null,
    usedAt: null,
    parent: null,
    path: null,
  }
  return { principal: { user, admin: false }, credential, parent: id, expiresAt }
}

function rig(limits: Partial<StreamLimits> = {}) {
  const clock = { now: 1000 }
  const dead = new Set<string>()
  const asked: string[][] = []
  const ended: EndOfStream[] = []
  const streams = new OpenStreams({
    credentials: {
      dead: async (ids) => {
        asked.push([...ids])
        return ids.filter((id) => dead.has(id))
      },
    },
    limits: { streamsPerUser: 2, streamsPerAddress: 3, streams: 4, ...limits },
    now: () => clock.now,
    log: pino({ level: 'silent' }),
    onEnded: (reason) => ended.push(reason),
  })
  const open = (who: Identity, address = '192.0.2.1', stalledSince: number | null = null) => {
    const stream = new Stream(stalledSince)
    streams.reserve(who, address).attach(stream)
    return stream
  }
  return { clock, dead, asked, ended, streams, open }
}

const refusal = expect.objectContaining({ code: 'too_many_streams', status: 429, retryAfter: 5 })

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('caps', () => {
  // Seen failing with each of the three calls of makeRoom taken out.
  it('a user, an address and the server have at most as many streams as allowed', () => {
    const { open } = rig()
    open(identity('ann'), 'a')
    open(identity('ann'), 'b')
    expect(() => open(identity('ann'), 'c')).toThrow(refusal)
    open(identity('bob'), 'a')
    expect(() => open(identity('cid'), 'a')).not.toThrow()
    expect(() => open(identity('dan'), 'd')).toThrow(refusal)
  })

  it('the cap of an address counts every caller behind it', () => {
    const { open } = rig({ streams: 100 })
    for (const user of ['ann', 'bob', 'cid']) open(identity(user), 'a')
    expect(() => open(identity('dan'), 'a')).toThrow(refusal)
    expect(() => open(identity('dan'), 'b')).not.toThrow()
  })

  it('ended streams and returned places are not counted, even if returned twice', async () => {
    const { open, streams } = rig()
    const stream = open(identity('ann'))
    open(identity('ann'))
    stream.close()
    await stream.closed
    const place = streams.reserve(identity('ann'), 'a')
    place.release()
    place.release()
    expect(streams.count).toBe(1)
    expect(() => open(identity('ann'))).not.toThrow()
  })

  // Seen failing with the order of the sort turned round, and with the candidates not held to the stalled.
  it("at a user's cap the longest-stalled stream makes room, never one that keeps up", () => {
    const { open } = rig({ streamsPerUser: 3 })
    const [later, keeping, first] = [
      open(identity('ann'), 'a', 20),
      open(identity('ann')),
      open(identity('ann'), 'a', 10),
    ]
    open(identity('ann'), 'b')
    expect([first.ended, later.ended, keeping.ended]).toEqual([true, false, false])
    open(identity('ann'), 'b')
    expect([later.ended, keeping.ended]).toEqual([true, false])
    expect(() => open(identity('ann'), 'b')).toThrow(refusal)
  })

  // Failed before: at the cap of the server, anybody's stalled stream was ended for a stranger's.
  it('at the other caps only a stream of the same user makes room', () => {
    const { open } = rig({ streams: 2, streamsPerAddress: 2 })
    const [anns, bobs] = [open(identity('ann'), 'a', 10), open(identity('bob'), 'a', 20)]
    expect(() => open(identity('cid'), 'a')).toThrow(refusal)
    expect(() => open(identity('cid'), 'b')).toThrow(refusal)
    expect([anns.ended, bobs.ended]).toEqual([false, false])
    open(identity('bob'), 'b')
    expect([anns.ended, bobs.ended]).toEqual([false, true])
  })
})

it('each ended stream is reported once with its reason; refusals and streams that end by themselves are not', async () => {
  const { open, ended, dead } = rig({ streamsPerUser: 1, streamsPerAddress: 1 })
  open(identity('ann'), 'a', 10)
  const keeping = open(identity('ann'), 'a')
  expect(() => open(identity('ann'), 'a')).toThrow(refusal)
  keeping.close()
  await keeping.closed
  const ticket = identity('bob', { kind: 'ticket', id: 'ticket of bob' })
  open(ticket, 'b')
  open(ticket, 'b')
  dead.add('ticket of bob')
  await vi.advanceTimersByTimeAsync(5000)
  expect(ended).toEqual(['user', 'ticket', 'credential'])
})

describe('a ticket', () => {
  const ticket = identity('ann', { kind: 'ticket', id: 'ticket 1' })

  // Seen failing without the groups of tickets.
  it('a ticket opens one connection at a time: the newer one ends only the older one', () => {
    const { open } = rig({ streamsPerUser: 10 })
    const [other, first] = [open(identity('ann')), open(ticket)]
    const second = open(ticket)
    expect([other.ended, first.ended, second.ended]).toEqual([false, true, false])
  })

  // Failed before: the older connection's place was counted against the newer one, and an EventSource that
  // gets a 429 never reconnects.
  it('a ticket that reconnects at the cap takes the place of its own older connection', () => {
    const { open } = rig({ streamsPerUser: 1 })
    const first = open(ticket)
    expect(() => open(ticket)).not.toThrow()
    expect(first.ended).toBe(true)
  })

  // Failed before: news of the older connection that arrived late ended the newer one, so that both were gone.
  it('late news of an older connection at another node ends no newer one', () => {
    const { open, clock, streams } = rig()
    clock.now = 2000
    const stream = open(ticket)
    streams.endTicket('ticket 1', 1999)
    expect(stream.ended).toBe(false)
    streams.endTicket('ticket 1', 2001)
    expect(stream.ended).toBe(true)
  })

  // Failed before: the older one, ended while it was being opened, lived on uncounted and unwatched.
  it('a ticket ends its older connection, even one that is still being opened', () => {
    const { streams } = rig()
    const older = streams.reserve(ticket, 'a')
    streams.reserve(ticket, 'a').attach(new Stream())
    const late = new Stream()
    older.attach(late)
    expect(late.ended).toBe(true)
    expect(streams.count).toBe(1)
  })
})

describe('the sweep', () => {
  // Seen failing with the sweep's interval at six seconds, and with `dead` not asked.
  it('the sweep ends the streams of a dead credential within five seconds, and no others', async () => {
    const { open, dead } = rig()
    const [mine, other] = [open(identity('ann')), open(identity('bob'))]
    await vi.advanceTimersByTimeAsync(6500)
    expect(mine.ended).toBe(false)
    dead.add('token of ann')
    await vi.advanceTimersByTimeAsync(5000)
    expect([mine.ended, other.ended]).toEqual([true, false])
  })

  it('the sweep ends the streams of an expired JWT, which no store knows', async () => {
    const { open, clock } = rig()
    const jwt: Identity = { ...identity('ann'), credential: null, expiresAt: 3000 }
    const stream = open(jwt)
    await vi.advanceTimersByTimeAsync(5000)
    expect(stream.ended).toBe(false)
    clock.now = 3000
    await vi.advanceTimersByTimeAsync(5000)
    expect(stream.ended).toBe(true)
  })

  it('the sweep ends a stream whose credential died while it was being opened', async () => {
    const { streams, dead } = rig()
    const place = streams.reserve(identity('ann'), 'a')
    dead.add('token of ann')
    await vi.advanceTimersByTimeAsync(5000)
    const stream = new Stream()
    place.attach(stream)
    expect(stream.ended).toBe(true)
  })

  it('the sweep asks the store once for all streams, and leaves no timer without a stream', async () => {
    const { open, asked, streams } = rig({ streamsPerUser: 10 })
    expect(vi.getTimerCount()).toBe(0)
    const opened = [open(identity('ann')), open(identity('ann')), open(identity('ann'))]
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect(asked).toEqual([['token of ann']])
    for (const stream of opened) stream.close()
    await Promise.all(opened.map((stream) => stream.closed))
    expect([streams.count, vi.getTimerCount()]).toEqual([0, 0])
  })
})
