/** Streams of guests: how many places they may take, and how they become a user's. */
import { pino } from 'pino'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type OpenStream, OpenStreams, type Reservation } from '#admission/open-streams'
import type { Identity } from '#auth/identity'

const ann: Identity = {
  principal: { user: 'ann', admin: false },
  credential: null,
  parent: null,
  expiresAt: null,
}

function rig(limits = { streamsPerUser: 2, streamsPerAddress: 100, streams: 6 }) {
  const clock = { now: 1000 }
  const streams = new OpenStreams({
    credentials: { dead: async () => [] },
    limits,
    now: () => clock.now,
    log: pino({ level: 'silent' }),
  })
  const open = (who: Identity | null, stalledSince: number | null = null) => {
    const place = streams.reserve(who, 'a')
    const stream: OpenStream & { ended: boolean } = {
      ended: false,
      stalledSince,
      closed: new Promise(() => {}),
      close() {
        this.ended = true
      },
    }
    place.attach(stream)
    return { place, stream }
  }
  return { clock, streams, open }
}

const refusal = expect.objectContaining({ code: 'too_many_streams' })
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('guests take at most half of all places, and none makes room for another', () => {
  const { open } = rig()
  const guests = [1, 2, 3].map((stalledSince) => open(null, stalledSince))
  expect(() => open(null)).toThrow(refusal)
  expect(guests.some(({ stream }) => stream.ended)).toBe(false)
  expect(() => open(ann)).not.toThrow()
})

it('a guest who signs in counts as that user, whose longest-stalled stream makes room', () => {
  const { open, streams } = rig()
  const [one, two, three]: { place: Reservation; stream: { ended: boolean } }[] = [
    open(null, 20),
    open(null, 10),
    open(null),
  ]
  one?.place.handOver(ann)
  two?.place.handOver(ann)
  expect(() => open(null)).not.toThrow()
  three?.place.handOver(ann)
  expect([one, two, three].map((each) => each?.stream.ended)).toEqual([false, true, false])
  expect(streams.count).toBe(3)
})

it('a guest refused at the cap stays a guest, and a stream handed over twice is counted once', () => {
  const { open, streams } = rig()
  const guests = [open(null), open(null), open(null)]
  guests[0]?.place.handOver(ann)
  guests[0]?.place.handOver({ ...ann, expiresAt: 5000 })
  guests[1]?.place.handOver(ann)
  expect(() => guests[2]?.place.handOver(ann)).toThrow(refusal)
  for (const { place } of guests) place.release()
  guests[0]?.place.handOver(ann)
  expect(streams.count).toBe(0)
  expect(() => [open(ann), open(ann)]).not.toThrow()
})

it('a stream ends with the credential it was handed over to', async () => {
  const { open, clock } = rig()
  const guest = open(null)
  const user = open(null)
  user.place.handOver({ ...ann, expiresAt: 2000 })
  clock.now = 2000
  await vi.advanceTimersByTimeAsync(1000)
  expect([guest.stream.ended, user.stream.ended]).toEqual([false, true])
})

// Failed before: 1,100 anonymous streams from a job on the same machine left the admin no stream.
it('guests at an address keep no user out, and users at an address keep no guest out', () => {
  const { open } = rig({ streamsPerUser: 1100, streamsPerAddress: 1024, streams: 10_000 })
  let opened = 0
  const flood = () => {
    for (opened = 0; opened < 1100; opened += 1) open(null)
  }
  expect(flood).toThrow(refusal)
  expect(opened).toBe(1024)
  for (let n = 0; n < 1024; n += 1) open(ann)
  expect(() => open(ann)).toThrow(refusal)
})

it('a guest who signs in gives the place of a guest at the address back', () => {
  const { open } = rig({ streamsPerUser: 9, streamsPerAddress: 2, streams: 100 })
  const [one, two] = [open(null), open(null)]
  expect(() => open(null)).toThrow(refusal)
  one.place.handOver(ann)
  const third = open(null)
  two.place.handOver(ann)
  expect(() => third.place.handOver(ann)).toThrow(refusal)
  one.place.release()
  expect(() => third.place.handOver(ann)).not.toThrow()
})
