import { describe, expect, it } from 'vitest'
import type { DeliveryStats } from '#delivery/delivery'
import type { RealtimeStats } from '#realtime/realtime'
import type { RunRecord } from '#store/store'
import { type MetricSources, Metrics } from '#telemetry/metrics'
import { figureOf } from './support/figures.ts'

async function figure(metrics: Metrics, series: string): Promise<number | undefined> {
  return figureOf((await metrics.text()).body, series)
}

const still: DeliveryStats = {
  followers: 0,
  stalled: 0,
  behind: 0,
  lagMedian: 0,
  lagMax: 0,
  iterators: 0,
  feeds: 0,
  ringBytes: 0,
  eventsOut: 0,
  bytesOut: 0,
  resets: 0,
  pagesRead: 0,
  readFailures: 0,
}

const noTopics: RealtimeStats = {
  clients: 0,
  stalled: 0,
  subscriptions: 0,
  pendingBytes: 0,
  published: 0,
  messagesOut: 0,
  bytesOut: 0,
  coalesced: 0,
  overflowed: 0,
  idled: 0,
}

function sources(changed: Partial<MetricSources> = {}): MetricSources {
  return {
    version: '1.2.3',
    boundary: 'bubblewrap',
    kinds: ['job'],
    activeRuns: () => 0,
    queueCounts: async () => ({ running: 0, pending: 0 }),
    uncommittedBytes: () => 0,
    largestOwners: async () => [],
    storeStatus: () => ({ kind: 'ok' }),
    delivery: () => still,
    realtime: () => noTopics,
    ...changed,
  }
}

function observed(changed: Partial<MetricSources> = {}): Metrics {
  const metrics = new Metrics()
  metrics.observe(sources(changed))
  return metrics
}

function run(changed: Partial<RunRecord>): RunRecord {
  return {
    id: 'r',
    kind: 'job',
    project: null,
    owner: 'ann',
    state: 'completed',
    outcome: 'success',
    spec: {},
    attempt: 1,
    parked: null,
    createdAt: 1000,
    startedAt: 3000,
    finishedAt: 10_000,
    result: null,
    error: null,
    usage: null,
    head: 3,
    retryOf: null,
    resumes: null,
    forkOf: null,
    cause: null,
    process: null,
    node: null,
    ...changed,
  }
}

describe('the metrics', () => {
  it('the metrics are in the text format, with the figures of the process, one set per server', async () => {
    const [one, other] = [observed(), observed()]
    one.store.appended(3, 30)
    const { contentType, body } = await one.text()
    expect(contentType).toContain('text/plain')
    expect(body).toContain('# TYPE millrace_committed_events_total counter')
    expect(body).toContain('process_resident_memory_bytes')
    expect(figureOf(body, 'millrace_committed_events_total')).toBe(3)
    expect(figureOf(body, `millrace_build_info{version="1.2.3",node="${process.versions.node}"}`)).toBe(1)
    expect(figureOf(body, 'millrace_sandbox_info{boundary="bubblewrap"}')).toBe(1)
    expect(await figure(other, 'millrace_committed_events_total')).toBe(0)
    const names = body.match(/^# TYPE \S+/gm) ?? []
    expect(new Set(names).size).toBe(names.length)
  })

  it('the metrics begin at zero, so that the first of anything shows as an increase', async () => {
    const { body } = await observed().text()
    for (const series of [
      'millrace_runs_ended_total{kind="job",state="interrupted",outcome="interrupted"}',
      'millrace_run_queue_wait_seconds_count{kind="job"}',
      'millrace_run_duration_seconds_count{kind="job",state="completed"}',
      'millrace_rejections_total{code="too_many_streams"}',
    ]) {
      expect(figureOf(body, series), series).toBe(0)
    }
  })

  it('the metrics show how long a run waited and how long it took, by kind and end', async () => {
    const metrics = observed()
    metrics.runs.queued(run({ state: 'queued', startedAt: null, finishedAt: null }))
    metrics.runs.started(run({ state: 'running', finishedAt: null }))
    metrics.runs.ended(run({}))
    metrics.runs.ended(run({ outcome: 'failure', startedAt: null }))
    metrics.runs.ended(run({ state: 'aborted', outcome: 'aborted', startedAt: null }))
    metrics.runs.ended(run({ state: 'errored', outcome: 'failure', startedAt: 9000, finishedAt: 8000 }))
    const { body } = await metrics.text()
    expect(figureOf(body, 'millrace_runs_created_total{kind="job"}')).toBe(1)
    expect(figureOf(body, 'millrace_run_queue_wait_seconds_sum{kind="job"}')).toBe(2)
    expect(figureOf(body, 'millrace_run_duration_seconds_sum{kind="job",state="completed"}')).toBe(7)
    expect(figureOf(body, 'millrace_runs_ended_total{kind="job",state="completed",outcome="success"}')).toBe(
      1,
    )
    expect(figureOf(body, 'millrace_runs_ended_total{kind="job",state="completed",outcome="failure"}')).toBe(
      1,
    )
    // Never started: it ended without a meaningful duration.
    expect(figureOf(body, 'millrace_runs_ended_total{kind="job",state="aborted",outcome="aborted"}')).toBe(1)
    expect(figureOf(body, 'millrace_run_duration_seconds_count{kind="job",state="aborted"}')).toBe(0)
    // The machine's clock was set back.
    expect(figureOf(body, 'millrace_run_duration_seconds_sum{kind="job",state="errored"}')).toBe(0)
  })

  it('each source is asked once per scrape, however many numbers it gives and however many scrapes coincide', async () => {
    let [asked, counted] = [0, 0]
    const metrics = observed({
      delivery: () => {
        asked += 1
        return { ...still, followers: 10_000, lagMedian: 1, lagMax: 9, eventsOut: asked * 10 }
      },
      queueCounts: async () => {
        counted += 1
        return { pending: 5, running: 2 }
      },
    })
    const bodies = await Promise.all([metrics.text(), metrics.text(), metrics.text()])
    expect([asked, counted]).toEqual([1, 1])
    for (const { body } of bodies) {
      expect(figureOf(body, 'millrace_followers')).toBe(10_000)
      expect(figureOf(body, 'millrace_follower_lag_median_events')).toBe(1)
      expect(figureOf(body, 'millrace_follower_lag_max_events')).toBe(9)
      expect(figureOf(body, 'millrace_sent_events_total')).toBe(10)
      expect(figureOf(body, 'millrace_runs{kind="job",state="queued"}')).toBe(5)
      expect(figureOf(body, 'millrace_runs{kind="job",state="active"}')).toBe(2)
    }
    expect(await figure(metrics, 'millrace_sent_events_total')).toBe(20)
    expect(asked).toBe(2)
  })

  it('the metrics are served without the store: what only it knows is left out, and its status says why', async () => {
    let broken = false
    const metrics = observed({
      queueCounts: async () => {
        if (broken) throw new Error('the disk lied')
        return { pending: 1, running: 0 }
      },
      storeStatus: () => (broken ? { kind: 'failed', message: 'the disk lied' } : { kind: 'ok' }),
      uncommittedBytes: () => 77,
      largestOwners: async () => {
        if (broken) throw new Error('the disk lied')
        return [{ bytes: 4321 }]
      },
    })
    expect(await figure(metrics, 'millrace_runs{kind="job",state="queued"}')).toBe(1)
    expect(await figure(metrics, 'millrace_store_status{status="ok"}')).toBe(1)
    expect(await figure(metrics, 'millrace_largest_owner_bytes')).toBe(4321)
    broken = true
    const { body } = await metrics.text()
    expect(figureOf(body, 'millrace_largest_owner_bytes')).toBeUndefined()
    expect(figureOf(body, 'millrace_runs{kind="job",state="queued"}')).toBeUndefined()
    expect(figureOf(body, 'millrace_store_status{status="ok"}')).toBe(0)
    expect(figureOf(body, 'millrace_store_status{status="failed"}')).toBe(1)
    expect(figureOf(body, 'millrace_uncommitted_bytes')).toBe(77)
    expect(body).not.toContain('the disk lied')
  })

  it('the metrics show how long answers took, by method, route and status', async () => {
    const metrics = observed()
    const get = { method: 'GET', route: '/api/runs/:id', status: 200 }
    metrics.http.answered({ ...get, seconds: 0.004 })
    metrics.http.answered({ ...get, seconds: 3 })
    const labels = 'method="GET",route="/api/runs/:id",status="200"'
    expect(await figure(metrics, `millrace_http_request_duration_seconds_count{${labels}}`)).toBe(2)
    expect(await figure(metrics, `millrace_http_request_duration_seconds_bucket{le="0.005",${labels}}`)).toBe(
      1,
    )
  })

  it('the names of metrics follow Prometheus: a prefix, a unit, _total for counters', async () => {
    const { body } = await observed().text()
    const types = [...body.matchAll(/^# TYPE (millrace_\S+) (\S+)$/gm)]
    expect(types.length).toBeGreaterThan(20)
    for (const [, name = '', type] of types) {
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      if (type === 'histogram') expect(name).toMatch(/_(seconds|operations)$/)
    }
  })
})
