/**
 * Scrolling through more pixels than a browser lays out: Firefox stops at about 17 million, Chromium at 33, and a
 * million lines of a log need more than 20.
 *
 * The *place* is where the list is scrolled to, in its own pixels. The *position* is the element's `scrollTop`. Below
 * `positionMax` they are the same. Above it, a small step moves the place as far as the position, so that wheels and
 * keys feel the same everywhere; a long step is somebody dragging the scrollbar, and moves the place in proportion.
 */
export class ScrollMap {
  readonly positionMax: number
  /** Pixels of the list, and of the part of it that is visible. */
  total = 0
  visible = 0
  place = 0
  #position = 0

  constructor(positionMax = 8_000_000) {
    this.positionMax = positionMax
  }

  /** How high the scrolled element's content is to be. */
  get contentPx(): number {
    return Math.min(this.total, this.positionMax)
  }

  get placeMax(): number {
    return Math.max(this.total - this.visible, 0)
  }

  /** The element's position changed. Returns the position it should have instead, which is mostly the same. */
  scrolledTo(position: number): number {
    const range = this.#positionRange
    const step = position - this.#position
    const near = this.visible * 2
    if (!this.#isScaled) this.place = this.#bounded(position)
    else if (Math.abs(step) > near) this.place = (position / range) * this.placeMax
    else if (position <= 0 && this.place <= near) this.place = 0
    else if (position >= range && this.place >= this.placeMax - near) this.place = this.placeMax
    else this.place = this.#bounded(this.place + step)
    // At an edge of the element that is no edge of the list, the next step would have nowhere to go.
    const isStuck = this.#isScaled && (position < this.visible || position > range - this.visible)
    this.#position = isStuck ? this.#inProportion() : position
    return this.#position
  }

  /** Returns the position for a place. */
  moveTo(place: number): number {
    this.place = this.#bounded(place)
    this.#position = this.#isScaled ? this.#inProportion() : this.place
    return this.#position
  }

  /** The list grew above the place by this much: what is visible stays where it is. */
  shift(px: number): number {
    return this.moveTo(this.place + px)
  }

  get #isScaled(): boolean {
    return this.total > this.positionMax
  }

  get #positionRange(): number {
    return Math.max(this.contentPx - this.visible, 0)
  }

  #bounded(place: number): number {
    return Math.min(Math.max(place, 0), this.placeMax)
  }

  #inProportion(): number {
    return this.placeMax === 0 ? 0 : Math.round((this.place / this.placeMax) * this.#positionRange)
  }
}
