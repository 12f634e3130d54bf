/**
 * What Node and the system say of the process: memory, processor, garbage collection, event loop.
 *
 * One registry a process, made at the first scrape and kept: prom-client's observers of the event loop
 * and the collector have no end, so that each start of an embedded server would leave another pair.
 */
import { collectDefaultMetrics, Registry } from 'prom-client'

let registry: Registry | null = null

export function processMetrics(): Registry {
  if (registry === null) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry
}
