/** What runs do: how many there are, how long they wait, how long they take and how they end. */
import { type FinalState, finalStates, type RunKind, type RunOutcome } from '@millrace/protocol'
import { type Counter, type Gauge, Histogram, type Registry } from 'prom-client'
import type { RunRecord } from '#store/store'
import { counter, gauge } from './instruments.ts'

export interface OpenRuns {
  kind: RunKind
  queued: number
  /** Starting or running. */
  active: number
}

export class RunMetrics {
  readonly #open: Gauge<'kind' | 'state'>
  readonly #here: Gauge
  readonly #created: Counter<'kind'>
  readonly #over: Counter<'kind' | 'state' | 'outcome'>
  readonly #waits: Histogram<'kind'>
  readonly #durations: Histogram<'kind' | 'state'>

  constructor(registry: Registry) {
    this.#open = gauge(registry, 'millrace_runs', 'Runs in the store that are not over', ['kind', 'state'])
    this.#here = gauge(registry, 'millrace_node_active_runs', 'Runs that this server works on')
    this.#created = counter(registry, 'millrace_runs_created_total', 'Runs put in the queue', ['kind'])
    this.#over = counter(registry, 'millrace_runs_ended_total', 'Runs that reached a final state', [
      'kind',
      'state',
      'outcome',
    ])
    this.#waits = new Histogram({
      name: 'millrace_run_queue_wait_seconds',
      help: 'From the request for a run to the start of its work',
      labelNames: ['kind'],
      buckets: [0.01, 0.05, 0.2, 1, 5, 15, 60, 300, 1800, 7200],
      registers: [registry],
    })
    this.#durations = new Histogram({
      name: 'millrace_run_duration_seconds',
      help: 'From the start of the work of a run to its end, by the state it ended in',
      labelNames: ['kind', 'state'],
      buckets: [0.05, 0.2, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400],
      registers: [registry],
    })
  }

  /** Starts the series of these kinds at zero, so that the first run shows as an increase. */
  expect(kinds: readonly RunKind[]): void {
    for (const kind of kinds) {
      this.#created.inc({ kind }, 0)
      this.#waits.zero({ kind })
      for (const state of finalStates) {
        for (const outcome of outcomesOf(kind, state)) this.#over.inc({ kind, state, outcome }, 0)
        this.#durations.zero({ kind, state })
      }
    }
  }

  /** `open` is null when the store could not be read: an old number would be a wrong one. */
  set(open: readonly OpenRuns[] | null, here: number): void {
    this.#here.set(here)
    if (open === null) this.#open.reset()
    for (const { kind, queued, active } of open ?? []) {
      this.#open.set({ kind, state: 'queued' }, queued)
      this.#open.set({ kind, state: 'active' }, active)
    }
  }

  queued({ kind }: RunRecord): void {
    this.#created.inc({ kind })
  }

  started({ kind, createdAt, startedAt }: RunRecord): void {
    if (startedAt !== null) this.#waits.observe({ kind }, secondsBetween(createdAt, startedAt))
  }

  ended({ kind, state, outcome, startedAt, finishedAt }: RunRecord): void {
    this.#over.inc({ kind, state, outcome: outcome ?? 'failure' })
    if (startedAt === null || finishedAt === null) return
    this.#durations.observe({ kind, state }, secondsBetween(startedAt, finishedAt))
  }
}

/** A process that failed leaves a job `completed`; of the other states each has one outcome. */
function outcomesOf(kind: RunKind, state: FinalState): RunOutcome[] {
  if (state === 'completed') return kind === 'job' ? ['success', 'failure'] : ['success']
  return [state === 'errored' ? 'failure' : state]
}

/** Never negative, even when the machine's clock was set back meanwhile. */
function secondsBetween(from: number, to: number): number {
  return Math.max(to - from, 0) / 1000
}
