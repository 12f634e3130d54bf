/** What the store does with its writes: how fast, how many at once, and whether it can at all. */
import { type Counter, type Gauge, Histogram, type Registry } from 'prom-client'
import type { StoreStatus } from '#store/store'
import { counter, gauge } from './instruments.ts'

const statuses = ['ok', 'full', 'away', 'failed'] as const satisfies readonly StoreStatus['kind'][]

export class StoreMetrics {
  readonly #latency: Histogram
  readonly #batchTime: Histogram
  readonly #batchSize: Histogram
  readonly #events: Counter
  readonly #bytes: Counter
  readonly #waiting: Gauge
  readonly #health: Gauge<'status'>
  readonly #largest: Gauge
  readonly #quota: Counter<'action'>

  constructor(registry: Registry) {
    const registers = [registry]
    this.#latency = new Histogram({
      name: 'millrace_commit_latency_seconds',
      help: 'From handing a write of a run to the store until it is on disk',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
      registers,
    })
    this.#batchTime = new Histogram({
      name: 'millrace_store_batch_duration_seconds',
      help: 'Time to bring one batch of writes to disk, including its way to the writer',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    })
    this.#batchSize = new Histogram({
      name: 'millrace_store_batch_operations',
      help: 'Writes that went to disk together, in one commit',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000],
      registers,
    })
    this.#events = counter(registry, 'millrace_committed_events_total', 'Events written to the logs of runs')
    this.#bytes = counter(registry, 'millrace_committed_bytes_total', 'Bytes of JSON of these events')
    this.#waiting = gauge(registry, 'millrace_uncommitted_bytes', 'Bytes of events on their way to the disk')
    this.#health = gauge(registry, 'millrace_store_status', 'The status of the store: 1 for the one it has', [
      'status',
    ])
    this.#largest = gauge(
      registry,
      'millrace_largest_owner_bytes',
      'What the runs of the owner that takes most take in the store',
    )
    this.#quota = counter(
      registry,
      'millrace_quota_total',
      'Requests that the quota of an owner refused, and runs that it ended',
      ['action'],
    )
    for (const action of ['refused', 'ended']) this.#quota.inc({ action }, 0)
  }

  committed(seconds: number): void {
    this.#latency.observe(seconds)
  }

  /** Records one commit of the store: how many writes it held and how long it took. */
  batch({ operations, seconds }: { operations: number; seconds: number }): void {
    this.#batchSize.observe(operations)
    this.#batchTime.observe(seconds)
  }

  appended(events: number, bytes: number): void {
    this.#events.inc(events)
    this.#bytes.inc(bytes)
  }

  overQuota(action: 'refused' | 'ended'): void {
    this.#quota.inc({ action })
  }

  /** `largestBytes` is null when the store could not be read: an old number would be a wrong one. */
  set(status: StoreStatus['kind'], uncommittedBytes: number, largestBytes: number | null): void {
    if (largestBytes === null) this.#largest.remove()
    else this.#largest.set(largestBytes)
    this.#waiting.set(uncommittedBytes)
    for (const known of statuses) this.#health.set({ status: known }, known === status ? 1 : 0)
  }
}
