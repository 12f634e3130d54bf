/** Many runs that append one event at a time, each waiting for the acknowledgement of the one before. */
import { Latencies } from '../load/latencies.ts'
import { nowMicros } from '../printer/marker.ts'

export interface Appending {
  perSecond: number
  p50: number
  p99: number
}

const warmUpMs = 1000

/** The data of one event: about 200 bytes of JSON. */
export function eventJson(n: number): string {
  return JSON.stringify({ line: String(n).padEnd(150, 'x'), timestamp: Date.now(), stream: 'stdout' })
}

/** `append` resolves when the event is on disk. Prints what was measured. */
export async function measureAppends(
  runs: number,
  seconds: number,
  append: (run: number, json: string) => Promise<unknown>,
): Promise<void> {
  const latencies = new Latencies()
  let acknowledged = 0
  let over = false
  const live = async (run: number) => {
    for (let n = 1; !over; n++) {
      const before = nowMicros()
      await append(run, eventJson(n))
      acknowledged += 1
      latencies.record(nowMicros() - before)
    }
  }
  const all = Promise.all(Array.from({ length: runs }, (_, run) => live(run)))
  await pause(warmUpMs)
  latencies.clear()
  const before = { at: performance.now(), acknowledged }
  await pause(seconds * 1000)
  const elapsed = (performance.now() - before.at) / 1000
  const measured: Appending = {
    perSecond: (acknowledged - before.acknowledged) / elapsed,
    p50: latencies.quantile(0.5),
    p99: latencies.quantile(0.99),
  }
  over = true
  await all
  console.log(JSON.stringify(measured))
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
