import { until } from '@millrace/test-support/until'
import { expect, test } from 'vitest'
import { MemoryLog } from './support/memory-log.ts'
import { open, type SseClient } from './support/sse-client.ts'
import { startStreamServer } from './support/stream-server.ts'

/** More than the system buffers for a client that does not read. */
const events = { count: 2000, bytes: 10_000 }

/** Resolves when the last event has arrived; checks only the end, since megabytes precede it. */
function last({ response }: SseClient): Promise<void> {
  let tail = ''
  return new Promise((resolve) => {
    response.on('data', (text: string) => {
      tail = (tail + text).slice(-events.bytes - 100)
      if (tail.includes(`\nid: ${events.count}\n`)) resolve()
    })
  })
}

test('a client that does not read shows in the maximum lag, and the median still shows that the others keep up', async () => {
  const log = new MemoryLog()
  log.create('run')
  const { url, delivery } = await startStreamServer({ log })
  expect(delivery.stats()).toMatchObject({ behind: 0, lagMedian: 0, lagMax: 0 })
  const clients = await Promise.all(Array.from({ length: 2 }, () => open(`${url}/run`)))
  const slow = await open(`${url}/run`)
  const done = clients.map(last)
  const slowDone = last(slow)
  slow.response.pause()
  log.appendMany('run', events.count, events.bytes)
  await Promise.all(done)
  await until(() => delivery.stats().stalled === 1)
  const { behind, lagMedian, lagMax } = delivery.stats()
  expect({ behind, lagMedian }).toEqual({ behind: 1, lagMedian: 0 })
  expect(lagMax).toBeGreaterThan(0)
  expect(lagMax).toBeLessThanOrEqual(events.count)
  slow.response.resume()
  await slowDone
  expect(delivery.stats()).toMatchObject({ behind: 0, lagMedian: 0, lagMax: 0 })
})

test('where most streams are behind, the median lag shows it', async () => {
  const log = new MemoryLog()
  log.create('run')
  const { url, delivery } = await startStreamServer({ log })
  const slow = await Promise.all(Array.from({ length: 3 }, () => open(`${url}/run`)))
  for (const client of slow) client.response.pause()
  log.appendMany('run', events.count, events.bytes)
  await until(() => delivery.stats().stalled === 3)
  const { behind, lagMedian, lagMax } = delivery.stats()
  expect(behind).toBe(3)
  expect(lagMedian).toBeGreaterThan(0)
  expect(lagMax).toBeGreaterThanOrEqual(lagMedian)
})
