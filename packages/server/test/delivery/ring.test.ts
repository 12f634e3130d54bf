import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nativeDialect } from '#delivery/dialect'
import { Ring } from '#delivery/ring'
import { RingBudget } from '#delivery/ring-budget'
import { encodeSegment as encode } from '#delivery/segment'
import { bodyOf, type Chunk } from '#sse/chunk'

function event(seq: number, size = seq % 40) {
  const json = JSON.stringify({ seq, pad: 'ü'.repeat(size) })
  return { seq, at: seq, type: seq % 3 === 0 ? 'third' : 'other', json }
}
const eventText = (one: ReturnType<typeof event>) => nativeDialect.frames(one, false)
const encodeSegment = (all: ReturnType<typeof event>[]) => encode(all, nativeDialect, null)
const events = (first: number, count: number) => Array.from({ length: count }, (_, at) => event(first + at))
const everything = { maxBytes: Number.POSITIVE_INFINITY, filter: null, terminal: null }

describe('a ring', () => {
  test('a ring returns exactly the frames after any cursor it holds, cut at frames within the budget', () => {
    const commits = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 })
    const budget = fc.integer({ min: 1, max: 3000 })
    fc.assert(
      fc.property(commits, budget, fc.integer({ min: 1000, max: 30_000 }), (counts, maxBytes, ringBytes) => {
        const ring = new Ring(ringBytes, new RingBudget(1 << 20))
        let head = 0
        for (const count of counts) {
          ring.append(encodeSegment(events(head + 1, count)))
          head += count
        }
        for (let cursor = 0; cursor < head; cursor++) {
          const batch = ring.take({ ...everything, after: cursor, maxBytes })
          if (batch === null) continue
          const frames = events(cursor + 1, batch.events).map(eventText)
          expect(bodyOf(batch).toString()).toBe(frames.join(''))
          expect(batch.chunked.toString()).toBe(`${batch.length.toString(16)}\r\n${bodyOf(batch)}\r\n`)
          expect(batch.through).toBe(cursor + batch.events)
          expect(batch.events === 1 || batch.length <= maxBytes).toBe(true)
          // As much as fits: the next frame would have passed the budget.
          if (batch.through < head) {
            const next = Buffer.byteLength(eventText(event(batch.through + 1)))
            expect(batch.length + next).toBeGreaterThan(maxBytes)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('a ring stays within its bytes by giving up the oldest frames', () => {
    const budget = new RingBudget(1 << 20)
    const ring = new Ring(10_000, budget)
    for (let seq = 1; seq <= 500; seq++) {
      ring.append(encodeSegment([event(seq)]))
      expect(budget.bytes).toBeLessThanOrEqual(10_000)
    }
    expect(ring.take({ ...everything, after: 0 })).toBeNull()
    expect(ring.take({ ...everything, after: 499 })?.events).toBe(1)
    ring.drop()
    expect(budget.bytes).toBe(0)
  })

  test('a ring drops its frames when others arrive that do not continue them', () => {
    const ring = new Ring(1 << 20, new RingBudget(1 << 20))
    ring.append(encodeSegment(events(1, 5)))
    ring.append(encodeSegment(events(8, 2)))
    expect(ring.take({ ...everything, after: 2 })).toBeNull()
    expect(ring.take({ ...everything, after: 5 })).toBeNull()
    expect(ring.take({ ...everything, after: 7 })?.through).toBe(9)
  })

  test('followers at the same cursor share one buffer, and a whole commit is not copied', () => {
    const ring = new Ring(1 << 20, new RingBudget(1 << 20))
    const segment = encodeSegment(events(1, 4))
    ring.append(segment)
    expect(ring.take({ ...everything, after: 0 })?.chunked).toBe(segment.chunked)
    ring.append(encodeSegment(events(5, 4)))
    const batch = ring.take({ ...everything, after: 2 })
    expect(batch?.through).toBe(8)
    expect(ring.take({ ...everything, after: 2 })).toBe(batch)
  })

  test('a filter passes only its types and the terminal event, and moves past the others', () => {
    const ring = new Ring(1 << 20, new RingBudget(1 << 20))
    ring.append(encodeSegment(events(1, 10)))
    const filter = { types: new Set(['third']) }
    const seqs = (batch: Chunk | null) =>
      [...(batch === null ? '' : bodyOf(batch).toString()).matchAll(/^id: (\d+)/gm)].map((match) =>
        Number(match[1]),
      )
    const open = ring.take({ ...everything, filter, after: 0 })
    expect([seqs(open), open?.through, open?.events]).toEqual([[3, 6, 9], 10, 3])
    const closed = ring.take({ ...everything, filter, after: 9, terminal: 10 })
    expect(seqs(closed)).toEqual([10])
    const none = ring.take({ ...everything, filter: { types: new Set(['none']) }, after: 0 })
    expect([none?.length, none?.events, none?.through]).toEqual([0, 0, 10])
  })
})

test('all rings share one budget: the oldest frames of all give way first', () => {
  const budget = new RingBudget(20_000)
  const silent = new Ring(1 << 20, budget)
  const busy = new Ring(1 << 20, budget)
  for (let seq = 1; seq <= 5; seq++) silent.append(encodeSegment([event(seq, 30)]))
  for (let seq = 1; seq <= 100; seq++) {
    busy.append(encodeSegment([event(seq, 30)]))
    expect(budget.bytes).toBeLessThanOrEqual(20_000)
  }
  expect(silent.empty).toBe(true)
  expect(busy.take({ ...everything, after: 99 })?.events).toBe(1)
  expect(silent.tail).toBe(5)
  silent.append(encodeSegment([event(6)]))
  expect(silent.take({ ...everything, after: 5 })?.through).toBe(6)
})
