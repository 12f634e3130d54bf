/** What clients ask: how long an answer takes, and what is refused. */
import { type ErrorCode, errorTable } from '@millrace/protocol'
import { type Counter, Histogram, type Registry } from 'prom-client'
import { type EndOfStream, endsOfStreams } from '#admission/open-streams'
import { counter } from './instruments.ts'

export interface Answered {
  method: string
  /** The route's pattern, never an address: clients must not choose the values of a label. */
  route: string
  status: number
  seconds: number
}

export class HttpMetrics {
  readonly #requests: Histogram<'method' | 'route' | 'status'>
  readonly #refusals: Counter<'code'>
  readonly #endedStreams: Counter<'reason'>

  constructor(registry: Registry) {
    this.#requests = new Histogram({
      name: 'millrace_http_request_duration_seconds',
      help: 'Time to answer a request; streams are not counted',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers: [registry],
    })
    this.#refusals = counter(registry, 'millrace_rejections_total', 'Requests that were refused or failed', [
      'code',
    ])
    for (const code of Object.keys(errorTable)) this.#refusals.inc({ code }, 0)
    this.#endedStreams = counter(
      registry,
      'millrace_streams_cut_total',
      'Streams that the server ended before their log did',
      ['reason'],
    )
    for (const reason of endsOfStreams) this.#endedStreams.inc({ reason }, 0)
  }

  answered({ method, route, status, seconds }: Answered): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds)
  }

  streamEnded(reason: EndOfStream): void {
    this.#endedStreams.inc({ reason })
  }

  rejected(code: ErrorCode): void {
    this.#refusals.inc({ code })
  }
}
