import type { RunState } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import type { Commit } from '../../src/store/store.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'

function commit(change: Commit['change'], state: RunState, events: number): Commit {
  return {
    runId: 'r',
    change,
    state,
    head: events,
    closed: change === 'finished',
    events: Array.from({ length: events }, (_, n) => ({ seq: n + 1, at: 0, type: 'output', json: '{}' })),
  }
}

/** The value of one line of the text format. */
async function figure(metrics: Metrics, line: string): Promise<number | undefined> {
  const { body } = await metrics.text()
  const found = body.split('\n').find((text) => text.startsWith(`${line} `))
  return found === undefined ? undefined : Number(found.slice(line.length + 1))
}

describe('the metrics', () => {
  it('count what was committed, and runs that ended by their state', async () => {
    const metrics = new Metrics()
    metrics.committed(commit('created', 'queued', 1))
    metrics.committed(commit('updated', 'running', 3))
    metrics.committed(commit('finished', 'completed', 2))
    metrics.committed(commit('finished', 'aborted', 1))
    metrics.committed(commit('finished', 'aborted', 1))
    metrics.committed(commit('deleted', 'aborted', 0))
    expect(await figure(metrics, 'millrace_events_committed_total')).toBe(8)
    expect(await figure(metrics, 'millrace_runs_ended_total{state="completed"}')).toBe(1)
    expect(await figure(metrics, 'millrace_runs_ended_total{state="aborted"}')).toBe(2)
    expect(await figure(metrics, 'millrace_runs_ended_total{state="errored"}')).toBeUndefined()
  })

  it('read gauges when asked, and count on from what another part counts', async () => {
    const metrics = new Metrics()
    const delivery = {
      followers: 2,
      stalled: 1,
      feeds: 1,
      ringBytes: 512,
      eventsOut: 10,
      bytesOut: 100,
      resets: 0,
    }
    let active = 3
    metrics.observe({ activeRuns: () => active, delivery: () => delivery })
    expect(await figure(metrics, 'millrace_runs_active')).toBe(3)
    expect(await figure(metrics, 'millrace_followers')).toBe(2)
    expect(await figure(metrics, 'millrace_ring_bytes')).toBe(512)
    expect(await figure(metrics, 'millrace_events_sent_total')).toBe(10)
    active = 0
    Object.assign(delivery, { followers: 0, eventsOut: 25, bytesOut: 90, resets: 1 })
    expect(await figure(metrics, 'millrace_runs_active')).toBe(0)
    expect(await figure(metrics, 'millrace_followers')).toBe(0)
    expect(await figure(metrics, 'millrace_events_sent_total')).toBe(25)
    expect(await figure(metrics, 'millrace_bytes_sent_total')).toBe(100)
    expect(await figure(metrics, 'millrace_resets_total')).toBe(1)
  })

  it('tell how long answers took, by method, route and status', async () => {
    const metrics = new Metrics()
    metrics.answered('GET', '/api/runs/:id', 200, 0.004)
    metrics.answered('GET', '/api/runs/:id', 200, 3)
    metrics.answered('POST', '/api/runs', 201, 0.1)
    const labels = 'method="GET",route="/api/runs/:id",status="200"'
    expect(await figure(metrics, `millrace_http_request_seconds_count{${labels}}`)).toBe(2)
    expect(await figure(metrics, `millrace_http_request_seconds_bucket{le="0.005",${labels}}`)).toBe(1)
  })

  it('are in the text format, with the figures of the process, one set a server', async () => {
    const [one, other] = [new Metrics(), new Metrics()]
    one.committed(commit('updated', 'running', 1))
    const { contentType, body } = await one.text()
    expect(contentType).toContain('text/plain')
    expect(body).toContain('# TYPE millrace_events_committed_total counter')
    expect(body).toContain('process_resident_memory_bytes')
    expect(await figure(other, 'millrace_events_committed_total')).toBe(0)
  })
})
