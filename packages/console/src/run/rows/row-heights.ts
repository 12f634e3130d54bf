/**
 * Where each row of a long list stands, when nearly all rows have the same height.
 *
 * Owns what rows differ by: a wrapped line is taller, a folded one has no height. A million plain rows cost nothing; a
 * row that differs costs one entry. Offsets are pixels from the top of the list.
 */
const blockRows = 1024

interface Block {
  /** Row → pixels more (or less) than a plain row. */
  readonly extras: Map<number, number>
  sum: number
}

export class RowHeights {
  readonly rowPx: number
  count = 0
  #blocks = new Map<number, Block>()
  #extraSum = 0

  constructor(rowPx: number) {
    this.rowPx = rowPx
  }

  get total(): number {
    return this.count * this.rowPx + this.#extraSum
  }

  /** Returns how much the row has grown. */
  set(row: number, px: number): number {
    const number = Math.floor(row / blockRows)
    const block = this.#blocks.get(number) ?? { extras: new Map(), sum: 0 }
    const extra = px - this.rowPx
    const grown = extra - (block.extras.get(row) ?? 0)
    if (grown === 0) return 0
    if (extra === 0) block.extras.delete(row)
    else block.extras.set(row, extra)
    block.sum += grown
    this.#extraSum += grown
    if (block.extras.size === 0) this.#blocks.delete(number)
    else this.#blocks.set(number, block)
    return grown
  }

  heightOf(row: number): number {
    return this.rowPx + (this.#blocks.get(Math.floor(row / blockRows))?.extras.get(row) ?? 0)
  }

  /** Every row is plain again, but those without height: they are hidden, however wide the list is. */
  clear(): void {
    for (const { extras } of [...this.#blocks.values()])
      for (const [row, extra] of [...extras]) if (extra !== -this.rowPx) this.set(row, this.rowPx)
  }

  offsetOf(row: number): number {
    const own = Math.floor(row / blockRows)
    let offset = row * this.rowPx
    for (const [number, { sum }] of this.#blocks) if (number < own) offset += sum
    for (const [other, extra] of this.#blocks.get(own)?.extras ?? []) if (other < row) offset += extra
    return offset
  }

  /** The row at an offset: of rows without height there, the visible one after them. */
  rowAt(offset: number): number {
    let low = 0
    let high = Math.max(this.count - 1, 0)
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.offsetOf(middle) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
