import type { ResourceLimits } from 'node:worker_threads'

/**
 * Memory of the store's threads. All they make is short-lived, and V8 lets such garbage grow to over
 * 100 MB a thread on a large machine before it looks: in a soak of half an hour the two threads came to
 * hold about 170 MB of it.
 */
export const threadLimits: ResourceLimits = { maxYoungGenerationSizeMb: 24 }
