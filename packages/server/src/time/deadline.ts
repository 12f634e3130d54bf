/** A point in time that something is worth waiting for. */
import type { Clock } from './clock.ts'

export interface Deadline {
  /** Resolves when the time has passed; never, once it was called off. */
  readonly passed: Promise<void>
  callOff(): void
}

export function deadlineAfter(clock: Clock, ms: number): Deadline {
  const { promise: passed, resolve } = Promise.withResolvers<void>()
  return { passed, callOff: clock.after(ms, resolve) }
}
