/** Runs, failures, waits and spend over time. What draws the charts is loaded with this page. */
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useDocumentState } from '#app/document-state.ts'
import { useSignedIn } from '#app/session.ts'
import { Loading, Problem } from '#ui/notice.tsx'
import { costText } from '#ui/run-words.ts'
import { Segments } from '#ui/segments.tsx'
import { Chart } from './chart.tsx'
import { totalsOf, waitText } from './totals.ts'
import { useStatistics } from './use-statistics.ts'

const ranges = [
  { value: 24, label: '24 hours' },
  { value: 24 * 7, label: '7 days' },
  { value: 24 * 30, label: '30 days' },
]

export default function ActivityPage() {
  useDocumentState('Activity')
  const { server } = useSignedIn()
  const { hours = 24 } = useSearch({ from: '/activity' })
  const { statistics, error, retry } = useStatistics(hours)
  return (
    <div className="mx-auto flex max-w-5xl flex-col gap-4 px-4 py-6">
      <header className="flex flex-wrap items-center gap-3">
        <h1 className="text-[18px] font-semibold tracking-tight">Activity</h1>
        <span className="text-muted">
          {server.admin ? 'All runs' : 'Your runs'}, by when they were started
        </span>
        <span className="flex-1" />
        <RangeChoice hours={hours} />
      </header>
      {error !== null && <Problem message={error.message} retry={retry} />}
      {statistics === null && error === null && <Loading rows={6} />}
      {statistics !== null && <Charts statistics={statistics} />}
    </div>
  )
}

function RangeChoice({ hours }: { hours: number }) {
  const navigate = useNavigate()
  return (
    <Segments
      legend="How far back"
      name="hours"
      segments={ranges}
      chosen={hours}
      choose={(value) =>
        void navigate({ to: '/activity', search: value === 24 ? {} : { hours: value }, replace: true })
      }
      className="px-2.5 text-[12px] max-sm:py-2"
    />
  )
}

function Charts({ statistics }: { statistics: NonNullable<ReturnType<typeof useStatistics>['statistics']> }) {
  const { buckets, bucketMs, complete } = statistics
  const totals = totalsOf(buckets)
  const times = buckets.map(({ at }) => at / 1000)
  const common = { times, bucketMs }
  return (
    <>
      {!complete && <p className="text-muted">There were more than 10,000 runs: the oldest are left out.</p>}
      <div className="grid gap-4 sm:grid-cols-2">
        <Chart
          {...common}
          title="Runs"
          total={totals.runs.toLocaleString('en')}
          series={[{ name: 'Runs', values: buckets.map(({ runs }) => runs), tone: 'accent' }]}
          textOf={countText}
        />
        <Chart
          {...common}
          title="Failures"
          total={
            totals.over === 0
              ? '0'
              : `${totals.failed.toLocaleString('en')} · ${Math.round((totals.failed / totals.over) * 100)} %`
          }
          series={[{ name: 'Failures', values: buckets.map(({ failed }) => failed), tone: 'bad' }]}
          textOf={countText}
        />
        <Chart
          {...common}
          title="Queue wait"
          total={totals.longestWaitMs === null ? '–' : `${waitText(totals.longestWaitMs)} at most`}
          isLine
          series={[
            { name: 'Median', values: buckets.map(({ waitMs }) => waitMs?.median ?? null), tone: 'live' },
            { name: 'Longest', values: buckets.map(({ waitMs }) => waitMs?.max ?? null), tone: 'wait' },
          ]}
          textOf={waitText}
        />
        <Chart
          {...common}
          title="Spend"
          total={costText(totals.costUsd)}
          series={[{ name: 'Spend', values: buckets.map(({ costUsd }) => costUsd), tone: 'good' }]}
          textOf={costText}
        />
      </div>
      <p className="text-[12px] text-muted">A run has a cost where its agent or its model’s price says so.</p>
    </>
  )
}

function countText(count: number): string {
  return Number.isInteger(count) ? count.toLocaleString('en') : ''
}
