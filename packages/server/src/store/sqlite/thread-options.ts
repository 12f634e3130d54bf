import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import type { WorkerOptions } from 'node:worker_threads'

/**
 * What the store's threads are started with.
 *
 * Their memory is bounded: all they make is short-lived, and V8 lets such garbage grow to over 100 MB a thread on a large
 * machine before it looks. In a soak of half an hour the two threads came to hold about 170 MB of it.
 *
 * They share the process's cache of compiled code, which Node keeps from threads unless the environment names it. It saves a
 * start 80 of its 590 ms of processor time.
 */
export function threadOptions(): Pick<WorkerOptions, 'resourceLimits' | 'env'> {
  const cache = getCompileCacheDir()
  const env = cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) }
  return { resourceLimits: { maxYoungGenerationSizeMb: 24 }, env }
}
