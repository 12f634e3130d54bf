/**
 * Prometheus metrics of one server.
 *
 * Counters and histograms are fed as things happen; everything else is read at a scrape, each source
 * once, however many numbers it gives. Nothing here is a truth.
 */
import type { RunKind } from '@millrace/protocol'
import { Registry } from 'prom-client'
import type { DeliveryStats } from '#delivery/delivery'
import type { RealtimeStats } from '#realtime/realtime'
import type { QueueCounts, StoreStatus } from '#store/store'
import { DeliveryMetrics } from '#telemetry/metrics/delivery-metrics'
import { HttpMetrics } from '#telemetry/metrics/http-metrics'
import { info } from '#telemetry/metrics/instruments'
import { processMetrics } from '#telemetry/metrics/process-metrics'
import { RealtimeMetrics } from '#telemetry/metrics/realtime-metrics'
import { type OpenRuns, RunMetrics } from '#telemetry/metrics/run-metrics'
import { StoreMetrics } from '#telemetry/metrics/store-metrics'

/** What is set once, and what is read at each scrape. */
export interface MetricSources {
  version: string
  /** What stands between a run and the machine. */
  boundary: string
  /** Kinds this server runs. */
  kinds: readonly RunKind[]
  /** Runs that this server works on. */
  activeRuns: () => number
  /** A question to the store, which may not be able to answer. */
  queueCounts: (kind: RunKind) => Promise<Pick<QueueCounts, 'running' | 'pending'>>
  uncommittedBytes: () => number
  /** A question to the store, as above. */
  largestOwners: (limit: number) => Promise<{ bytes: number }[]>
  storeStatus: () => StoreStatus
  delivery: () => DeliveryStats
  realtime: () => RealtimeStats
}

export class Metrics {
  readonly runs: RunMetrics
  readonly store: StoreMetrics
  readonly http: HttpMetrics
  readonly #registry = new Registry()
  readonly #delivery: DeliveryMetrics
  readonly #realtime: RealtimeMetrics
  #sources: MetricSources | null = null
  #refreshing: Promise<void> | null = null

  constructor() {
    // Now, not at the first scrape: measures of the event loop should begin with the server.
    processMetrics()
    this.runs = new RunMetrics(this.#registry)
    this.store = new StoreMetrics(this.#registry)
    this.#delivery = new DeliveryMetrics(this.#registry)
    this.#realtime = new RealtimeMetrics(this.#registry)
    this.http = new HttpMetrics(this.#registry)
  }

  /** Sets the sources; called once, when all parts are there. */
  observe(sources: MetricSources): void {
    this.#sources = sources
    const { version, boundary } = sources
    const node = process.versions.node
    info(this.#registry, 'millrace_build_info', 'Versions of the server and of Node', { version, node })
    info(this.#registry, 'millrace_sandbox_info', 'What stands between a run and the machine', { boundary })
    this.runs.expect(sources.kinds)
  }

  /** Returns the text format of Prometheus. Scrapes that arrive together share one look at the sources. */
  async text(): Promise<{ contentType: string; body: string }> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null
    })
    await this.#refreshing
    const bodies = await Promise.all([this.#registry.metrics(), processMetrics().metrics()])
    return { contentType: this.#registry.contentType, body: bodies.join('\n') }
  }

  async #refresh(): Promise<void> {
    if (this.#sources === null) return
    const { delivery, realtime, storeStatus, uncommittedBytes, activeRuns } = this.#sources
    const [open, largest] = await Promise.all([openRuns(this.#sources), largestBytes(this.#sources)])
    this.runs.set(open, activeRuns())
    this.store.set(storeStatus().kind, uncommittedBytes(), largest)
    this.#delivery.set(delivery())
    this.#realtime.set(realtime())
  }
}

/** Null when the store cannot be read: the other numbers matter then more than ever. */
async function openRuns({ kinds, queueCounts }: MetricSources): Promise<OpenRuns[] | null> {
  try {
    return await Promise.all(
      kinds.map(async (kind) => {
        const { pending, running } = await queueCounts(kind)
        return { kind, queued: pending, active: running }
      }),
    )
  } catch {
    return null
  }
}

/** Null as above. */
async function largestBytes({ largestOwners }: MetricSources): Promise<number | null> {
  try {
    return (await largestOwners(1))[0]?.bytes ?? 0
  } catch {
    return null
  }
}
