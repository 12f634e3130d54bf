/**
 * The figures of one benchmark: per case and side, a value a round. Prints medians with their range,
 * and compares sides by the ratio of their medians, all from the same run.
 */
export interface Figure {
  name: string
  unit: string
}

interface Case {
  name: string
  /** Side → figure → one value a round. */
  sides: Map<string, Map<string, number[]>>
}

export interface Target {
  claim: string
  /** A ratio, where the claim names no unit. */
  measured: number
  wanted: { atLeast: number } | { atMost: number }
}

export class Board {
  readonly title: string
  private readonly figures: readonly Figure[]
  private readonly cases: Case[] = []
  private readonly targets: Target[] = []
  private readonly notes: string[] = []

  constructor(title: string, figures: readonly Figure[]) {
    this.title = title
    this.figures = figures
  }

  add(caseName: string, side: string, values: Record<string, number>): void {
    let found = this.cases.find(({ name }) => name === caseName)
    if (found === undefined) {
      found = { name: caseName, sides: new Map() }
      this.cases.push(found)
    }
    const figures = found.sides.get(side) ?? new Map<string, number[]>()
    found.sides.set(side, figures)
    for (const [name, value] of Object.entries(values))
      figures.set(name, [...(figures.get(name) ?? []), value])
  }

  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text)
  }

  median(caseName: string, side: string, figure: string): number {
    const values = this.cases
      .find(({ name }) => name === caseName)
      ?.sides.get(side)
      ?.get(figure)
    return values === undefined ? Number.NaN : middle(values)
  }

  /** Compares a ratio of two sides with its target; returns nothing when one of them was not measured. */
  expect(claim: string, wanted: Target['wanted'], values: { of: number; to: number }): void {
    this.expectValue(claim, wanted, values.of / values.to)
  }

  expectValue(claim: string, wanted: Target['wanted'], measured: number): void {
    if (Number.isFinite(measured)) this.targets.push({ claim, measured, wanted })
  }

  toMarkdown(): string {
    const parts = [`### ${this.title}`]
    for (const { name, sides } of this.cases) {
      const columns = this.figures.filter((figure) =>
        [...sides.values()].some((side) => side.has(figure.name)),
      )
      const rows = [...sides].map(([side, figures]) => [
        side,
        ...columns.map((figure) => spread(figures.get(figure.name))),
      ])
      const head = [
        name,
        ...columns.map((figure) => (figure.unit === '' ? figure.name : `${figure.name}, ${figure.unit}`)),
      ]
      parts.push(table([head, ...rows]))
    }
    if (this.targets.length > 0) {
      const rows = this.targets.map(({ claim, measured, wanted }) => [
        claim,
        compact(measured),
        'atLeast' in wanted ? `≥ ${wanted.atLeast}` : `≤ ${wanted.atMost}`,
        meets(measured, wanted) ? 'met' : 'missed',
      ])
      parts.push(table([['medians of this run', 'measured', 'target', ''], ...rows]))
    }
    if (this.notes.length > 0) parts.push(this.notes.map((note) => `- ${note}`).join('\n'))
    return parts.join('\n\n')
  }

  toJSON(): unknown {
    return {
      title: this.title,
      figures: this.figures,
      cases: this.cases.map(({ name, sides }) => ({
        name,
        sides: Object.fromEntries([...sides].map(([side, figures]) => [side, Object.fromEntries(figures)])),
      })),
      targets: this.targets.map((target) => ({ ...target, met: meets(target.measured, target.wanted) })),
      notes: this.notes,
    }
  }
}

export function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

function meets(measured: number, wanted: Target['wanted']): boolean {
  return 'atLeast' in wanted ? measured >= wanted.atLeast : measured <= wanted.atMost
}

function spread(values: readonly number[] | undefined): string {
  if (values === undefined || values.length === 0) return '–'
  const all = compact(middle(values))
  return values.length === 1
    ? all
    : `${all} (${compact(Math.min(...values))}–${compact(Math.max(...values))})`
}

/** Three significant digits. */
export function compact(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 1e6) return `${trimmed(value / 1e6)} M`
  if (Math.abs(value) >= 1e4) return `${trimmed(value / 1e3)} k`
  return trimmed(value)
}

function trimmed(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(head), rule, ...rows.slice(1).map(line)].join('\n')
}
