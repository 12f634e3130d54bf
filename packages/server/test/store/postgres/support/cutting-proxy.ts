/** A proxy before Postgres that cuts connections: before a request arrives there, or after it did and before its answer is back. */
import { openRelay } from '@millrace/test-support/network/relay'
import { onTestFinished } from 'vitest'

export interface CuttingProxy {
  port: number
  /** How many connections were cut. */
  readonly cuts: number
  /** From here on, a packet in either direction is swallowed with this probability, and its connection cut. */
  cutWith(probability: number): void
}

/** `random` answers numbers from 0 to 1. */
export async function cuttingProxy(to: number, random: () => number): Promise<CuttingProxy> {
  let probability = 0
  let cuts = 0
  const relay = await openRelay({
    to,
    onData: () => {
      if (random() >= probability) return 'pass'
      cuts += 1
      return 'cut'
    },
  })
  onTestFinished(() => relay.close())
  return {
    port: relay.port,
    get cuts() {
      return cuts
    },
    cutWith(given) {
      probability = given
    },
  }
}
