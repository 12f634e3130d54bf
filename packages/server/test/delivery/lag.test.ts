import { expect, test } from 'vitest'
import { MemoryLog } from './support/memory-log.ts'
import { eventually, open, type SseClient } from './support/sse-client.ts'
import { startStreamServer } from './support/stream-server.ts'

/** Without parsing megabytes anew with every chunk that comes. */
const hasLast = ({ text }: SseClient) => text.startsWith('id: 2000\n', text.lastIndexOf('\nid: ') + 1)

test('a client that does not read shows as the furthest behind, and does not hide that the others keep up', async () => {
  const log = new MemoryLog()
  log.create('run')
  const { url, delivery } = await startStreamServer({ log })
  expect(delivery.stats()).toMatchObject({ behind: 0, lagMedian: 0, lagMax: 0 })
  const clients = await Promise.all(Array.from({ length: 4 }, () => open(`${url}/run`)))
  const slow = await open(`${url}/run`)
  slow.response.pause()
  log.appendMany('run', 2000, 10_000)
  await Promise.all(clients.map((client) => client.until(hasLast)))
  await eventually(() => delivery.stats().stalled === 1)
  const { behind, lagMedian, lagMax } = delivery.stats()
  expect({ behind, lagMedian }).toEqual({ behind: 1, lagMedian: 0 })
  expect(lagMax).toBeGreaterThan(0)
  expect(lagMax).toBeLessThanOrEqual(2000)
  slow.response.resume()
  await slow.until(hasLast)
  expect(delivery.stats()).toMatchObject({ behind: 0, lagMedian: 0, lagMax: 0 })
})

test('where most are behind, the median is, too', async () => {
  const log = new MemoryLog()
  log.create('run')
  const { url, delivery } = await startStreamServer({ log })
  const slow = await Promise.all(Array.from({ length: 3 }, () => open(`${url}/run`)))
  for (const client of slow) client.response.pause()
  log.appendMany('run', 2000, 10_000)
  await eventually(() => delivery.stats().stalled === 3)
  const { behind, lagMedian, lagMax } = delivery.stats()
  expect(behind).toBe(3)
  expect(lagMedian).toBeGreaterThan(0)
  expect(lagMax).toBeGreaterThanOrEqual(lagMedian)
})
