/** Prometheus metrics of one server. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Commit } from '../store/store.ts'

/** Numbers that are read when somebody asks for the metrics. */
export interface MetricSources {
  activeRuns: () => number
  delivery: () => {
    followers: number
    stalled: number
    feeds: number
    ringBytes: number
    eventsOut: number
    bytesOut: number
    resets: number
  }
}

export class Metrics {
  private readonly registry = new Registry()
  private readonly events: Counter
  private readonly ended: Counter<'state'>
  private readonly requests: Histogram<'method' | 'route' | 'status'>

  constructor() {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    this.events = new Counter({
      name: 'millrace_events_committed_total',
      help: 'Events written to the logs of runs',
      registers,
    })
    this.ended = new Counter({
      name: 'millrace_runs_ended_total',
      help: 'Runs that reached a final state',
      labelNames: ['state'],
      registers,
    })
    this.requests = new Histogram({
      name: 'millrace_http_request_seconds',
      help: 'Time to answer a request; streams are not counted',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    })
  }

  /** Takes in what is read at each scrape. */
  observe(sources: MetricSources): void {
    this.gauge('millrace_runs_active', 'Runs active on this node', sources.activeRuns)
    this.gauge('millrace_followers', 'Open streams', () => sources.delivery().followers)
    this.gauge('millrace_followers_stalled', 'Open streams whose client does not read', () => {
      return sources.delivery().stalled
    })
    this.gauge('millrace_feeds', 'Runs that somebody follows', () => sources.delivery().feeds)
    this.gauge('millrace_ring_bytes', 'Memory held by ready frames', () => sources.delivery().ringBytes)
    this.total('millrace_events_sent_total', 'Events sent to followers', () => sources.delivery().eventsOut)
    this.total('millrace_bytes_sent_total', 'Bytes sent to followers', () => sources.delivery().bytesOut)
    this.total('millrace_resets_total', 'Cursors that could not be served', () => sources.delivery().resets)
  }

  committed(commit: Commit): void {
    this.events.inc(commit.events.length)
    if (commit.change === 'finished') this.ended.inc({ state: commit.state })
  }

  answered(method: string, route: string, status: number, seconds: number): void {
    this.requests.observe({ method, route, status: String(status) }, seconds)
  }

  async text(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.registry.contentType, body: await this.registry.metrics() }
  }

  private gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read())
      },
    })
  }

  /** A counter somebody else counts. */
  private total(name: string, help: string, read: () => number): void {
    let told = 0
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        const now = read()
        this.inc(Math.max(now - told, 0))
        told = now
      },
    })
  }
}
