/** What topics do: how many follow them, what is sent, and what slow clients are spared. Read at a scrape. */
import type { Registry } from 'prom-client'
import type { RealtimeStats } from '#realtime/realtime'
import { followingCounter, gauge } from './instruments.ts'

export class RealtimeMetrics {
  readonly #setters: ((stats: RealtimeStats) => void)[]

  constructor(registry: Registry) {
    const shown = (name: string, help: string, read: (stats: RealtimeStats) => number) => {
      const instrument = gauge(registry, name, help)
      return (stats: RealtimeStats) => instrument.set(read(stats))
    }
    const counted = (name: string, help: string, read: (stats: RealtimeStats) => number) => {
      const instrument = followingCounter(registry, name, help)
      return (stats: RealtimeStats) => instrument.advance(read(stats))
    }
    this.#setters = [
      shown('millrace_realtime_clients', 'Open connections for topics', (stats) => stats.clients),
      shown(
        'millrace_realtime_clients_stalled',
        'Open connections for topics whose client does not take what was sent',
        (stats) => stats.stalled,
      ),
      shown('millrace_realtime_subscriptions', 'Subscriptions to topics', (stats) => stats.subscriptions),
      shown(
        'millrace_realtime_pending_bytes',
        'Bytes that wait for slow clients; a message that waits for several counts for each',
        (stats) => stats.pendingBytes,
      ),
      counted(
        'millrace_realtime_published_total',
        'Messages published to topics of applications',
        (stats) => stats.published,
      ),
      counted('millrace_realtime_messages_total', 'Messages sent to clients', (stats) => stats.messagesOut),
      counted('millrace_realtime_bytes_total', 'Bytes of frames sent to clients', (stats) => stats.bytesOut),
      counted(
        'millrace_realtime_coalesced_total',
        'Changes that a slow client was not sent, because a later one of the same record says more',
        (stats) => stats.coalesced,
      ),
      counted(
        'millrace_realtime_overflows_total',
        'Clients cut off because too much waited for them',
        (stats) => stats.overflowed,
      ),
      counted(
        'millrace_realtime_idle_total',
        'Connections ended because they followed nothing',
        (stats) => stats.idled,
      ),
    ]
  }

  set(stats: RealtimeStats): void {
    for (const set of this.#setters) set(stats)
  }
}
