/**
 * Which rows of a long list are in the page, and where.
 *
 * Owns the heights of the rows, the place that is scrolled to, and whether the end is followed. Invariants: the rows in
 * the page cover what is visible, and a bounded part around it; what is visible stays where it is when rows above it
 * change their height; while the end is followed, the last row is visible after every change.
 */
import { RowHeights } from './row-heights.ts'
import { ScrollMap } from './scroll-map.ts'

export interface WindowState {
  /** The rows that are in the page; `last` is `first - 1` when there are none. */
  readonly first: number
  readonly last: number
  /** Where the first of them stands in the scrolled content, in pixels. */
  readonly topPx: number
  readonly contentPx: number
  /** What the element's `scrollTop` is to be. */
  readonly position: number
  readonly isFollowing: boolean
}

/** Pixels above and below what is visible. */
const overscanPx = 400
/** How far from the end still counts as the end. */
const endPx = 4

export class RowWindow {
  state: WindowState = { first: 0, last: -1, topPx: 0, contentPx: 0, position: 0, isFollowing: false }
  readonly #heights: RowHeights
  readonly #map = new ScrollMap()
  readonly #listeners = new Set<() => void>()
  #isFollowing = true
  #position = 0
  /** A row that is to be seen as soon as its place is known: the list may have no height yet. */
  #pending: number | null = null

  constructor(rowPx: number) {
    this.#heights = new RowHeights(rowPx)
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  getState = (): WindowState => this.state

  /** The visible height of the element changed. */
  resize(visiblePx: number): void {
    if (visiblePx === this.#map.visible) return
    this.#map.visible = visiblePx
    this.#settle()
  }

  setCount(count: number): void {
    if (count === this.#heights.count) return
    this.#heights.count = count
    this.#settle()
  }

  /** The element was scrolled. */
  scrolledTo(position: number): void {
    if (Math.abs(position - this.#position) < 1) return
    const before = this.#map.place
    this.#position = this.#map.scrolledTo(position)
    const isAtEnd = this.#map.place >= this.#map.placeMax - endPx
    if (this.#map.place < before - endPx) this.#isFollowing = false
    else if (isAtEnd) this.#isFollowing = true
    this.#publish()
  }

  /** Brings a row into view, a third of the way down, unless it is visible anyway. */
  show(row: number): void {
    this.#isFollowing = false
    this.#pending = row
    this.#settle()
  }

  /** From now on the end is visible, whatever is added. */
  follow(): void {
    this.#isFollowing = true
    this.#pending = null
    this.#settle()
  }

  pause(): void {
    if (!this.#isFollowing) return
    this.#isFollowing = false
    this.#publish()
  }

  /** Rows in the page were measured. */
  measured(rows: Iterable<readonly [row: number, px: number]>): void {
    const top = this.#heights.rowAt(this.#map.place)
    let [grown, above] = [0, 0]
    for (const [row, px] of rows) {
      const more = this.#heights.set(row, px)
      if (more !== 0) grown += 1
      if (row < top) above += more
    }
    if (grown > 0) this.#settle(above)
  }

  /** All rows have the plain height again. The row at the top stays there. */
  forgetHeights(): void {
    const top = this.#heights.rowAt(this.#map.place)
    const before = this.#heights.offsetOf(top)
    this.#heights.clear()
    this.#settle(this.#heights.offsetOf(top) - before)
  }

  /** Rows from one to the other are hidden, or plain again. */
  fold(first: number, last: number, isFolded: boolean): void {
    const height = isFolded ? 0 : this.#heights.rowPx
    for (let row = first; row <= last; row++) this.#heights.set(row, height)
    this.#isFollowing = false
    this.#settle()
  }

  isHidden(row: number): boolean {
    return this.#heights.heightOf(row) === 0
  }

  #settle(shiftedPx = 0): void {
    this.#map.total = this.#heights.total
    const place = this.#map.place + shiftedPx
    if (this.#isFollowing) this.#position = this.#map.moveTo(this.#map.placeMax)
    else if (this.#pending !== null && this.#map.visible > 0 && this.#pending < this.#heights.count) {
      const offset = this.#heights.offsetOf(this.#pending)
      const isVisible = offset >= place && offset + this.#heights.rowPx * 2 <= place + this.#map.visible
      this.#position = this.#map.moveTo(isVisible ? place : offset - this.#map.visible / 3)
      this.#pending = null
    } else this.#position = this.#map.moveTo(place)
    this.#publish()
  }

  #publish(): void {
    const { place, visible, contentPx } = this.#map
    const heights = this.#heights
    const isEmpty = heights.count === 0 || visible === 0
    const first = isEmpty ? 0 : heights.rowAt(place - overscanPx)
    const last = isEmpty ? -1 : heights.rowAt(place + visible + overscanPx)
    this.state = {
      first,
      last,
      topPx: this.#position + heights.offsetOf(first) - place,
      contentPx,
      position: this.#position,
      isFollowing: this.#isFollowing,
    }
    for (const listener of [...this.#listeners]) listener()
  }
}
