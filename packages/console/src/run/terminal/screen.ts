/** What a program wrote to its terminal, as the terminal shows it: rows of styled text, in the words of the log. */
import { type IBufferCell, Terminal } from '@xterm/headless/lib-headless/xterm-headless.mjs'
import type { Color, Span, Style } from '#run/log/ansi.ts'

const scrollbackRows = 10_000

export class Screen {
  readonly #terminal: Terminal
  #cell: IBufferCell | undefined

  constructor(columns: number, rows: number) {
    this.#terminal = new Terminal({
      cols: columns,
      rows,
      scrollback: scrollbackRows,
      allowProposedApi: true,
    })
  }

  /** Resolves when the text is on the screen. */
  write(text: string): Promise<void> {
    return new Promise((written) => this.#terminal.write(text, written))
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(Math.max(columns, 1), Math.max(rows, 1))
  }

  get columns(): number {
    return this.#terminal.cols
  }

  /** Rows up to the last that holds anything, or the cursor. */
  get rows(): number {
    const { active } = this.#terminal.buffer
    let last = active.length - 1
    const cursor = active.baseY + active.cursorY
    while (last > cursor && active.getLine(last)?.translateToString(true) === '') last -= 1
    return last + 1
  }

  spansOf(row: number): Span[] {
    const line = this.#terminal.buffer.active.getLine(row)
    if (line === undefined) return []
    const spans: Span[] = []
    let [text, style, key] = ['', plain, '']
    const length = line.translateToString(true).length
    for (let column = 0; column < line.length && column < Math.max(length, 1) * 2; column++) {
      this.#cell = line.getCell(column, this.#cell)
      if (this.#cell === undefined || this.#cell.getWidth() === 0) continue
      const cellStyle = styleOf(this.#cell)
      const cellKey = JSON.stringify(cellStyle)
      if (cellKey !== key && text !== '') spans.push({ text, style })
      if (cellKey !== key) [text, style, key] = ['', cellStyle, cellKey]
      text += this.#cell.getChars() || ' '
    }
    // Nothing was written after the last character, unless it has a ground.
    const last = style.background === undefined && !style.inverse ? text.trimEnd() : text
    if (last !== '') spans.push({ text: last, style })
    return spans
  }

  close(): void {
    this.#terminal.dispose()
  }
}

const plain: Style = {}

function styleOf(cell: IBufferCell): Style {
  const style: { -readonly [Name in keyof Style]: Style[Name] } = {}
  const color = colorOf(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor())
  const background = colorOf(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor())
  if (color !== undefined) style.color = color
  if (background !== undefined) style.background = background
  if (cell.isBold()) style.bold = true
  if (cell.isDim()) style.dim = true
  if (cell.isItalic()) style.italic = true
  if (cell.isUnderline()) style.underline = true
  if (cell.isInverse()) style.inverse = true
  if (cell.isStrikethrough()) style.strike = true
  return style
}

function colorOf(isDefault: boolean, isRgb: boolean, value: number): Color | undefined {
  if (isDefault) return undefined
  return isRgb ? `#${value.toString(16).padStart(6, '0')}` : value
}
