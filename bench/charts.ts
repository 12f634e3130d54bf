/**
 * `npm run bench -- charts`: a chart of every table of figures in `bench/README.md`, as `charts/<benchmark>-<n>.svg`, shown
 * above its table. The table is the source: a chart can say nothing else, and is made anew after each measuring.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Value {
  text: string
  median: number
  least: number
  greatest: number
}

interface Table {
  /** What is measured: the head of the first column. */
  title: string
  columns: string[]
  rows: { side: string; values: (Value | null)[] }[]
}

const readme = join(import.meta.dirname, 'README.md')
const folder = join(import.meta.dirname, 'charts')
/** A table of a soak is a course of time, not a comparison. */
const rowsMax = 8
const isChart = /^!\[.*\]\(charts\/.*\.svg\)$/

/** Draws all charts, and puts them into the text. */
export function drawCharts(): number {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const lines = readFileSync(readme, 'utf8')
    .split('\n')
    .filter((line, index, all) => !isChart.test(line) && !(line === '' && isChart.test(all[index - 1] ?? '')))
  const out: string[] = []
  let benchmark = ''
  let drawn = 0
  let ofBenchmark = 0
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const heading = /^#{2,3} (?:(\w+):)?/.exec(line)
    if (heading !== null) {
      benchmark = heading[1] ?? ''
      ofBenchmark = 0
    }
    const isHead = line.startsWith('|') && /^\|[ :|-]+\|$/.test(lines[at + 1] ?? '')
    const table = benchmark !== '' && isHead ? readTable(lines, at) : null
    if (table !== null) {
      ofBenchmark += 1
      drawn += 1
      const name = `${benchmark}-${ofBenchmark}.svg`
      writeFileSync(join(folder, name), draw(table))
      out.push(`![${benchmark}: ${table.title}](charts/${name})`, '')
    }
    out.push(line)
  }
  writeFileSync(readme, out.join('\n'))
  return drawn
}

/** Null for a table that compares no sides. */
function readTable(lines: readonly string[], at: number): Table | null {
  const [title = '', ...columns] = cells(lines[at] ?? '')
  if (title === '' || columns.includes('target')) return null
  const rows: Table['rows'] = []
  for (let row = at + 2; lines[row]?.startsWith('|'); row++) {
    const [side = '', ...values] = cells(lines[row] ?? '')
    rows.push({ side, values: values.map(readValue) })
  }
  const isComparison =
    rows.length >= 1 && rows.length <= rowsMax && rows.some(({ values }) => values.some(Boolean))
  return isComparison ? { title, columns, rows } : null
}

function cells(line: string): string[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim())
}

const figure = /-?\d[\d.,]*(?: [kM](?![A-Za-z]))?/g

/** `4.98 M (4.74 M–5.01 M)`: a median, the least and the greatest. */
function readValue(text: string): Value | null {
  const found = text.match(figure)
  if (found === null || /^\W*$/.test(text)) return null
  const numbers = found.map((each) => {
    const scale = each.endsWith('k') ? 1e3 : each.endsWith('M') ? 1e6 : 1
    return Number(each.replace(/[ kM,]/g, '')) * scale
  })
  const [median = 0, least = median, greatest = median] = numbers
  return { text: text.replace(/ \(.*\)/, ''), median, least, greatest }
}

const width = 760
const labelWidth = 190
const barHeight = 14
const rowHeight = 20
const panelGap = 34
const valueWidth = 90

/** One panel for each column: bars from zero, the range of the rounds as a line across their ends. */
function draw({ title, columns, rows }: Table): string {
  const panels = columns.flatMap((column, index) => {
    const bars = rows.map(({ side, values }) => ({ side, value: values[index] ?? null }))
    const most = Math.max(...bars.map(({ value }) => value?.greatest ?? 0))
    return most > 0 ? [{ column, bars, most }] : []
  })
  let y = 30
  const parts: string[] = []
  for (const { column, bars, most } of panels) {
    parts.push(text(0, y, column, 'head'))
    y += 8
    for (const { side, value } of bars) {
      parts.push(
        text(labelWidth - 8, y + 11, side, 'side'),
        ...bar(value, most, y, side.startsWith('millrace')),
      )
      y += rowHeight
    }
    y += panelGap
  }
  const height = y - panelGap + 8
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .head { font-weight: 600 } .side { text-anchor: end }
.bar { fill: #7d8590 } .own { fill: #1f6feb } .range { stroke: #1f2328; stroke-width: 1 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .range { stroke: #e6edf3 } .own { fill: #4493f8 } }
</style>
${text(0, 12, title, 'head')}
${parts.join('\n')}
</svg>
`
}

function bar(value: Value | null, most: number, y: number, isOwn: boolean): string[] {
  if (value === null) return [text(labelWidth, y + 11, '–', '')]
  const room = width - labelWidth - valueWidth
  const at = (amount: number) => labelWidth + (amount / most) * room
  const middle = y + barHeight / 2
  const end = at(value.greatest) + 6
  return [
    `<rect x="${labelWidth}" y="${y}" width="${(at(value.median) - labelWidth).toFixed(1)}" height="${barHeight}" class="${isOwn ? 'own' : 'bar'}"/>`,
    `<line x1="${at(value.least).toFixed(1)}" y1="${middle}" x2="${at(value.greatest).toFixed(1)}" y2="${middle}" class="range"/>`,
    text(Math.round(end), y + 11, value.text, ''),
  ]
}

function text(x: number, y: number, content: string, kind: string): string {
  return `<text x="${x}" y="${y}"${kind === '' ? '' : ` class="${kind}"`}>${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
