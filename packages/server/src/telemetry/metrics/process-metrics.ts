/**
 * What Node and the system report of the process: memory, processor, garbage collection, event loop.
 *
 * Owns one registry per process, made with the first server and kept: prom-client's observers of the
 * event loop and the collector never end, so each start of an embedded server would leave another pair.
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
