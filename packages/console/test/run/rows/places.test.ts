import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowHeights } from '#run/rows/row-heights.ts'
import { ScrollMap } from '#run/rows/scroll-map.ts'

describe('RowHeights', () => {
  it('offsets are the sums of the heights, whatever rows were changed in whatever order', () => {
    const changes = fc.array(fc.tuple(fc.nat(2999), fc.constantFrom(0, 20, 40, 61)), { maxLength: 60 })
    fc.assert(
      fc.property(changes, fc.nat(2999), (made, row) => {
        const heights = new RowHeights(20)
        heights.count = 3000
        const known = new Map<number, number>()
        for (const [changed, px] of made) {
          expect(heights.set(changed, px)).toBe(px - (known.get(changed) ?? 20))
          known.set(changed, px)
        }
        let offset = 0
        for (let before = 0; before < row; before++) offset += known.get(before) ?? 20
        expect(heights.offsetOf(row)).toBe(offset)
        expect(heights.total).toBe(heights.offsetOf(2999) + heights.heightOf(2999))
        if (heights.heightOf(row) > 0) expect(heights.rowAt(offset)).toBe(row)
      }),
    )
  })

  it('a place inside of a row is that row', () => {
    const heights = new RowHeights(20)
    heights.count = 10
    heights.set(3, 60)
    expect([59, 60, 119, 120].map((offset) => heights.rowAt(offset))).toEqual([2, 3, 3, 4])
    expect(heights.rowAt(-5)).toBe(0)
    expect(heights.rowAt(1e9)).toBe(9)
  })
})

describe('ScrollMap', () => {
  const mapOf = (total: number) => {
    const map = new ScrollMap(8_000_000)
    map.total = total
    map.visible = 800
    return map
  }

  it('a list that the browser can lay out is scrolled as it is', () => {
    const map = mapOf(100_000)
    expect(map.contentPx).toBe(100_000)
    expect(map.scrolledTo(4321)).toBe(4321)
    expect(map.place).toBe(4321)
    expect(map.moveTo(1e9)).toBe(99_200)
  })

  it('in a longer list, a wheel moves as far as elsewhere and the scrollbar reaches both ends', () => {
    const map = mapOf(20_000_000)
    expect(map.contentPx).toBe(8_000_000)
    map.scrolledTo(4_000_000)
    const before = map.place
    map.scrolledTo(4_000_100)
    expect(map.place - before).toBe(100)
    map.scrolledTo(8_000_000 - 800)
    expect(map.place).toBe(20_000_000 - 800)
    map.scrolledTo(0)
    expect(map.place).toBe(0)
  })

  it('every place of a longer list is reached by small steps from every other', () => {
    const total = 500_000
    fc.assert(
      fc.property(fc.nat(total), fc.nat(total), (from, to) => {
        const map = new ScrollMap(200_000)
        map.total = total
        map.visible = 800
        let position = map.moveTo(from)
        const goal = Math.min(to, map.placeMax)
        for (let step = 0; step < 1000 && Math.abs(map.place - goal) > 1600; step++) {
          const wanted = position + Math.sign(goal - map.place) * 1500
          position = map.scrolledTo(Math.min(Math.max(wanted, 0), 200_000 - 800))
        }
        expect(Math.abs(map.place - goal)).toBeLessThanOrEqual(1600)
      }),
    )
  })

  it('the place is kept when the list grows above it', () => {
    const map = mapOf(100_000)
    map.moveTo(5000)
    map.total += 400
    map.shift(400)
    expect(map.place).toBe(5400)
  })
})
