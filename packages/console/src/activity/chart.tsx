/** One small chart: bars, or lines, over time. Its numbers are also in a table, for those who do not see it. */
import { useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import type { Tone } from '#ui/badge.tsx'
import { Dot } from '#ui/state-dot.tsx'
import 'uplot/dist/uPlot.min.css'
import { colourOf, onThemeChange } from './colours.ts'

export interface Series {
  name: string
  values: readonly (number | null)[]
  tone: Tone
}

export interface ChartProps {
  title: string
  /** What all of it comes to. */
  total: string
  /** Where each interval begins, in seconds since the epoch. */
  times: readonly number[]
  bucketMs: number
  series: readonly Series[]
  isLine?: boolean
  textOf(value: number): string
}

const heightPx = 150

export function Chart(props: ChartProps) {
  const { title, total, times, bucketMs, series, textOf } = props
  const [pointed, setPointed] = useState<number | null>(null)
  const at = pointed === null ? undefined : times[pointed]
  return (
    <section aria-label={title} className="min-w-0 rounded-lg border border-line bg-panel px-4 pt-3 pb-2">
      <header className="flex items-baseline gap-2">
        <h2 className="text-[13px] font-semibold">{title}</h2>
        {series.length > 1 &&
          series.map(({ name, tone }) => (
            <span key={name} className="flex items-center gap-1 text-[11px] text-muted">
              <Dot tone={tone} />
              {name}
            </span>
          ))}
        <span className="flex-1" />
        <span className="truncate text-[12px] text-muted tabular-nums">
          {at === undefined || pointed === null
            ? total
            : `${timeText(at, bucketMs)} · ${series
                .map(({ name, values }) => {
                  const value = values[pointed]
                  return `${series.length > 1 ? `${name.toLowerCase()} ` : ''}${value == null ? '–' : textOf(value)}`
                })
                .join(', ')}`}
        </span>
      </header>
      <Plot {...props} onPoint={setPointed} />
      <Table {...props} />
    </section>
  )
}

function Plot({ onPoint, ...props }: ChartProps & { onPoint(index: number | null): void }) {
  const element = useRef<HTMLDivElement>(null)
  const latest = useRef(props)
  latest.current = props
  const plot = useRef<uPlot | null>(null)
  const { times, series } = props
  const [drawn, setDrawn] = useState(0)
  useEffect(() => onThemeChange(() => setDrawn((before) => before + 1)), [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours: the chart is made anew
  useEffect(() => {
    const place = element.current
    if (place === null) return
    const made = new uPlot(optionsOf(latest.current, place, onPoint), dataOf(latest.current), place)
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height: heightPx }))
    observer.observe(place)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [drawn, onPoint])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the data are those of these two
  useEffect(() => plot.current?.setData(dataOf(latest.current)), [times, series])
  return <div ref={element} aria-hidden="true" className="mt-2" style={{ height: heightPx }} />
}

function dataOf({ times, series }: ChartProps): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])]
}

function optionsOf(
  { series, isLine = false, textOf, bucketMs }: ChartProps,
  place: HTMLElement,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const [muted, line] = [colourOf(place, '--muted'), colourOf(place, '--line')]
  const axis = { stroke: muted, font: '11px system-ui', ticks: { show: false } }
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], align: 1, radius: 0.15 })
  return {
    width: place.clientWidth,
    height: heightPx,
    legend: { show: false },
    padding: [8, 4, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      // The last interval has room for its bar.
      x: { time: true, range: (_, min, max) => [min, max + bucketMs / 1000] },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 64,
        size: 24,
        values: (_, splits, __, ___, step) => splits.map((at) => tickText(at, step)),
      },
      {
        ...axis,
        grid: { stroke: line, width: 1 },
        size: 52,
        space: 34,
        values: (_, splits) => splits.map(textOf),
      },
    ],
    series: [
      {},
      ...series.map(({ name, tone }) => ({
        label: name,
        stroke: colourOf(place, `--${tone}`),
        width: isLine ? 1.5 : 0,
        spanGaps: true,
        points: { show: isLine, size: 4 },
        ...(isLine ? {} : { fill: colourOf(place, `--${tone}`), ...(bars && { paths: bars }) }),
      })),
    ],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
  }
}

function Table({ title, times, bucketMs, series, textOf }: ChartProps) {
  const rows = times.flatMap((at, index) =>
    series.some(({ values }) => (values[index] ?? 0) > 0) ? [{ at, index }] : [],
  )
  return (
    <table className="sr-only">
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          {series.map(({ name }) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ at, index }) => (
          <tr key={at}>
            <th scope="row">{timeText(at, bucketMs)}</th>
            {series.map(({ name, values }) => (
              <td key={name}>{textOf(values[index] ?? 0)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const dayMs = 86_400_000
const hourSeconds = 3600

/** `step`: seconds between two ticks. Midnight is the day that begins. */
function tickText(seconds: number, step: number): string {
  const date = new Date(seconds * 1000)
  const isDay = step * 1000 >= dayMs || (date.getHours() === 0 && date.getMinutes() === 0)
  return isDay
    ? date.toLocaleDateString([], { month: 'short', day: 'numeric' })
    : date.toLocaleTimeString([], { hour: 'numeric', ...(step % hourSeconds !== 0 && { minute: '2-digit' }) })
}

function timeText(seconds: number, bucketMs: number): string {
  const date = new Date(seconds * 1000)
  const day: Intl.DateTimeFormatOptions = { month: 'short', day: 'numeric' }
  return bucketMs >= dayMs
    ? date.toLocaleDateString([], day)
    : date.toLocaleString([], { ...day, hour: '2-digit', minute: '2-digit' })
}
