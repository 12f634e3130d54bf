import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RowWindow } from '#run/rows/row-window.ts'

function windowOf(count: number, visible = 600): RowWindow {
  const rows = new RowWindow(20)
  rows.resize(visible)
  rows.setCount(count)
  return rows
}
const shown = ({ state }: RowWindow) => [state.first, state.last]

describe('RowWindow', () => {
  it('a list opens at its end, and stays there while it grows', () => {
    const rows = windowOf(1000)
    expect(rows.state).toMatchObject({ last: 999, position: 19_400, isFollowing: true })
    rows.setCount(1500)
    expect(rows.state).toMatchObject({ last: 1499, position: 29_400 })
  })

  it('scrolling up stops following, and scrolling to the end follows again', () => {
    const rows = windowOf(1000)
    rows.scrolledTo(5000)
    rows.setCount(2000)
    expect(rows.state).toMatchObject({ position: 5000, isFollowing: false })
    rows.scrolledTo(2000 * 20 - 600)
    expect(rows.state.isFollowing).toBe(true)
  })

  it('the rows in the page are those that are visible and some around them', () => {
    const rows = windowOf(1_000_000)
    rows.show(500_000)
    expect(shown(rows)).toEqual([499_970, 500_040])
    expect(rows.state.contentPx).toBe(8_000_000)
  })

  it('a row that is asked for before the list is known is shown as soon as it is', () => {
    const rows = new RowWindow(20)
    rows.show(300)
    rows.setCount(1000)
    rows.resize(600)
    expect(rows.state).toMatchObject({ position: 5800, isFollowing: false })
  })

  it('a row that is visible already is shown where it is', () => {
    const rows = windowOf(1000)
    rows.scrolledTo(4000)
    rows.show(210)
    expect(rows.state.position).toBe(4000)
  })

  it('what is visible stays in its place when rows above it turn out to be higher', () => {
    const rows = windowOf(1000)
    rows.scrolledTo(4000)
    const heights = fc.array(fc.tuple(fc.nat(150), fc.integer({ min: 20, max: 200 })))
    fc.assert(
      fc.property(heights, (measured) => {
        const distance = rows.state.topPx - rows.state.position
        const [before, known] = [rows.state.position, rows.state.contentPx]
        rows.measured(measured)
        expect(rows.state.position - before).toBe(rows.state.contentPx - known)
        expect(rows.state.topPx - rows.state.position).toBe(distance)
      }),
    )
  })

  it('folded rows have no height until they are unfolded, also when the width changes', () => {
    const rows = windowOf(1000)
    rows.fold(10, 19, true)
    expect(rows.state.contentPx).toBe(990 * 20)
    rows.forgetHeights()
    expect(rows.state.contentPx).toBe(990 * 20)
    expect([rows.isHidden(9), rows.isHidden(10)]).toEqual([false, true])
    rows.fold(10, 19, false)
    expect(rows.state.contentPx).toBe(1000 * 20)
  })
})
