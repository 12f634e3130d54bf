/**
 * Turns a terminal's signals into at most two decisions.
 *
 * A Ctrl-C under npm arrives twice, from the terminal and from npm: what comes within a second of the
 * first signal is the same wish. Only a later one is a second wish.
 */
import type { EventEmitter } from 'node:events'

const sameWishMs = 1000
const signals = ['SIGINT', 'SIGTERM'] as const
export type StopSignal = (typeof signals)[number]

interface SignalHandlers {
  onFirst(signal: StopSignal): void
  onSecond(signal: StopSignal): void
  /** Milliseconds that never go back. */
  now?: () => number
  source?: Pick<EventEmitter, 'on' | 'off'>
}

/** Returns what removes the handlers again. */
export function installSignals(handlers: SignalHandlers): () => void {
  const { onFirst, onSecond, now = () => performance.now(), source = process } = handlers
  let firstAt: number | undefined
  let second = false
  const receive = (signal: StopSignal) => {
    if (firstAt === undefined) {
      firstAt = now()
      onFirst(signal)
    } else if (!second && now() - firstAt > sameWishMs) {
      second = true
      onSecond(signal)
    }
  }
  for (const signal of signals) source.on(signal, receive)
  return () => {
    for (const signal of signals) source.off(signal, receive)
  }
}
