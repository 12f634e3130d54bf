/** What delivery does: how many follow, how far they are behind, and what is sent. Read at a scrape. */
import type { Registry } from 'prom-client'
import type { DeliveryStats } from '#delivery/delivery'
import { followingCounter, gauge } from './instruments.ts'

export class DeliveryMetrics {
  readonly #setters: ((stats: DeliveryStats) => void)[]

  constructor(registry: Registry) {
    const shown = (name: string, help: string, read: (stats: DeliveryStats) => number) => {
      const instrument = gauge(registry, name, help)
      return (stats: DeliveryStats) => instrument.set(read(stats))
    }
    const counted = (name: string, help: string, read: (stats: DeliveryStats) => number) => {
      const instrument = followingCounter(registry, name, help)
      return (stats: DeliveryStats) => instrument.advance(read(stats))
    }
    this.#setters = [
      shown('millrace_followers', 'Open streams', (stats) => stats.followers),
      shown(
        'millrace_followers_stalled',
        'Open streams whose client does not take what was sent',
        (stats) => stats.stalled,
      ),
      shown(
        'millrace_followers_behind',
        'Open streams whose cursor is not at the head of the log',
        (stats) => stats.behind,
      ),
      shown(
        'millrace_follower_lag_median_events',
        'Events between the cursor of the median stream and the head of its log',
        (stats) => stats.lagMedian,
      ),
      shown(
        'millrace_follower_lag_max_events',
        'Events between the cursor of the furthest stream and the head of its log',
        (stats) => stats.lagMax,
      ),
      shown(
        'millrace_iterators',
        'Followers inside the process, as in an embedding application',
        (stats) => stats.iterators,
      ),
      shown('millrace_feeds', 'Logs that are followed, one for each protocol', (stats) => stats.feeds),
      shown('millrace_ring_bytes', 'Memory held by ready frames', (stats) => stats.ringBytes),
      counted('millrace_sent_events_total', 'Events sent to streams', (stats) => stats.eventsOut),
      counted(
        'millrace_sent_bytes_total',
        'Bytes of frames sent to streams, before compression and HTTP framing',
        (stats) => stats.bytesOut,
      ),
      counted('millrace_resets_total', 'Cursors that could not be served', (stats) => stats.resets),
      counted('millrace_pages_read_total', 'Pages of logs read for streams', (stats) => stats.pagesRead),
      counted(
        'millrace_page_read_failures_total',
        'Streams ended because the store could not be read',
        (stats) => stats.readFailures,
      ),
    ]
  }

  set(stats: DeliveryStats): void {
    for (const set of this.#setters) set(stats)
  }
}
