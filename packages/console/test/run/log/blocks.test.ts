import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Blocks, type LoggedEvent } from '#run/log/blocks.ts'

const eventOf = (seq: number): LoggedEvent => ({
  seq,
  at: seq,
  type: 'output',
  data: { line: 'x'.repeat(36) },
})
const eventsOf = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => eventOf(first + index))
const eventChars = 100

describe('Blocks', () => {
  it('an event is found by its number, and a block says how far it was read', () => {
    const blocks = new Blocks({ blockEvents: 10, charsMax: 10_000 })
    blocks.put(eventsOf(11, 14), 14)
    expect(blocks.get(12)).toEqual(eventOf(12))
    expect([blocks.get(10), blocks.get(15)]).toEqual([undefined, undefined])
    expect([blocks.readTo(0), blocks.readTo(1), blocks.readTo(2)]).toEqual([0, 14, 20])
  })

  it('a pruned part counts as read', () => {
    const blocks = new Blocks({ blockEvents: 10, charsMax: 10_000 })
    blocks.put([], 10)
    expect([blocks.get(3), blocks.readTo(0)]).toEqual([undefined, 10])
  })

  it('the least recently used blocks go first, and never those that are shown', () => {
    const blocks = new Blocks({ blockEvents: 10, charsMax: 30 * eventChars })
    for (const number of [0, 1, 2]) blocks.put(eventsOf(number * 10 + 1, number * 10 + 10), number * 10 + 10)
    blocks.pin(0, 0)
    blocks.put(eventsOf(31, 40), 40)
    const has = (number: number) => blocks.get(number * 10 + 1) !== undefined
    expect([0, 1, 2, 3].map(has)).toEqual([true, false, true, true])
    expect(blocks.readTo(1)).toBe(10)
  })

  it('memory stays within its bound and holds exactly what was filed, whatever is read in whatever order', () => {
    const read = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 10 }), fc.boolean())
    fc.assert(
      fc.property(fc.array(read, { maxLength: 80 }), (reads) => {
        const blocks = new Blocks({ blockEvents: 10, charsMax: 60 * eventChars })
        for (const [number, count, isShown] of reads) {
          if (isShown) blocks.pin(number, number)
          const first = number * 10 + 1
          blocks.put(eventsOf(first, first + count - 1), first + count - 1)
          expect(blocks.chars).toBeLessThanOrEqual(60 * eventChars)
          if (isShown) expect(blocks.get(first)).toEqual(eventOf(first))
        }
        let held = 0
        for (let seq = 1; seq <= 410; seq++) if (blocks.get(seq) !== undefined) held += 1
        expect(blocks.chars).toBe(held * eventChars)
      }),
    )
  })
})
