/**
 * Turns the signals of a terminal into at most two requests to stop.
 *
 * A Ctrl-C under npm arrives twice, from the terminal and from npm: signals within a second of the first
 * one repeat it. Only a later signal is a second request.
 */
import type { EventEmitter } from 'node:events'

const repeatMs = 1000
const stopSignals = ['SIGINT', 'SIGTERM'] as const
export type StopSignal = (typeof stopSignals)[number] | 'SIGHUP'

interface SignalHandlers {
  onFirst(signal: StopSignal): void
  onSecond(signal: StopSignal): void
  /** Milliseconds of a clock that never goes back. */
  now?: () => number
  /** Does a closed terminal, or a dropped ssh, stop the program, too? Else it ends at once. */
  hangup?: boolean
  source?: Pick<EventEmitter, 'on' | 'off'>
}

/** Returns the function that removes the handlers. */
export function installSignals(handlers: SignalHandlers): () => void {
  const { onFirst, onSecond, hangup = false, now = () => performance.now(), source = process } = handlers
  const signals: readonly StopSignal[] = hangup ? [...stopSignals, 'SIGHUP'] : stopSignals
  let firstAt: number | undefined
  let second = false
  const receive = (signal: StopSignal) => {
    if (firstAt === undefined) {
      firstAt = now()
      onFirst(signal)
    } else if (!second && now() - firstAt > repeatMs) {
      second = true
      onSecond(signal)
    }
  }
  for (const signal of signals) source.on(signal, receive)
  return () => {
    for (const signal of signals) source.off(signal, receive)
  }
}
