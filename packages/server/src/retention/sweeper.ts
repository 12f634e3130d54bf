/**
 * Prunes regularly: one minute after the start, when the storm of a restart is over, and then every hour.
 *
 * Owns one timer, or the current pass. A pass that fails is logged, and repeated an hour later.
 */
import { MillraceError } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { Retention } from './retention.ts'

export interface SweeperParts {
  retention: Pick<Retention, 'prune'>
  log: Pick<Logger, 'warn'>
  /** Calls back once; the returned function cancels it. */
  after: (ms: number, callback: () => void) => () => void
}

export const firstSweepMs = 60_000
export const sweepIntervalMs = 3_600_000

/** Returns the function that stops it; the current pass is ended by the retention's own `stop`. */
export function startSweeper({ retention, log, after }: SweeperParts): () => void {
  let stopped = false
  let cancel = () => {}
  const wait = (ms: number): void => {
    if (!stopped) cancel = after(ms, () => void sweep())
  }

  async function sweep(): Promise<void> {
    try {
      await retention.prune()
    } catch (error) {
      const drains = error instanceof MillraceError && error.code === 'draining'
      if (!drains) log.warn({ err: error }, 'pruning failed; retrying in an hour')
    }
    wait(sweepIntervalMs)
  }

  wait(firstSweepMs)
  return () => {
    stopped = true
    cancel()
  }
}
