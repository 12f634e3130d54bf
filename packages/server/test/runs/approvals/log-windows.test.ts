import { describe, expect, it } from 'vitest'
import { windowsFromEnd } from '#runs/approvals/log-windows'
import type { LogPage, PageRequest, StoredEvent } from '#store/store'

/** A log of `head` events, of which those at `marked` have the type that is searched for; counts what is read. */
function logOf(head: number, marked: readonly number[]) {
  const read = { pages: 0, events: 0 }
  const eventAt = (seq: number): StoredEvent => ({
    seq,
    type: marked.includes(seq) ? 'marked' : 'other',
    at: 0,
    json: '{}',
  })
  return {
    read,
    async readAfter(_id: string, { after, maxEvents = Number.POSITIVE_INFINITY }: PageRequest) {
      const count = Math.min(head - after, maxEvents, 40_000)
      const events = Array.from({ length: count }, (_, index) => eventAt(after + index + 1))
      read.pages += 1
      read.events += count
      return { events } as LogPage
    },
  }
}

describe('a log that is read from its end', () => {
  it('no event of a long log is read twice, however many of them a page may hold', async () => {
    const log = logOf(200_000, [3, 150_000])
    const found: number[] = []
    for await (const events of windowsFromEnd({ id: 'r', head: 200_000 }, log, ['marked']))
      found.push(...events.map(({ seq }) => seq))
    expect(found).toEqual([150_000, 3])
    expect(log.read.events).toBe(200_000)
    expect(log.read.pages).toBeLessThan(50)
  })

  it('a search that ends at the first window reads only that', async () => {
    const log = logOf(200_000, [199_900])
    for await (const events of windowsFromEnd({ id: 'r', head: 200_000 }, log, ['marked']))
      if (events.length > 0) break
    expect(log.read.events).toBe(500)
  })

  it('events that were added after the record was read are in the first window', async () => {
    const log = logOf(1_200, [1_150, 600])
    const found: number[][] = []
    for await (const events of windowsFromEnd({ id: 'r', head: 1_000 }, log, ['marked']))
      found.push(events.map(({ seq }) => seq))
    expect(found).toEqual([[600, 1_150], []])
    expect(log.read.events).toBe(1_200)
  })
})
