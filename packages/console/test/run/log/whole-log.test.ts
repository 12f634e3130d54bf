/** What is done with a whole log, page by page: searching and exporting. */
import type { Client, ClientError } from '@millrace/client'
import { describe, expect, it } from 'vitest'
import { exportLines } from '#run/log/export.ts'
import { noSearch, type SearchState, search } from '#run/log/search.ts'

interface Query {
  after?: number
  limit?: number
  q?: string
}

/** A server with a log of `head` lines, of which one request searches `scanned`. */
function clientOf(head: number, scanned: number) {
  const queries: Query[] = []
  const line = (seq: number) => `\u001b[32mline\u001b[0m ${seq}`
  const client = {
    events: async (_: string, query: Query = {}) => {
      queries.push(query)
      const { after = 0, limit = 1000, q } = query
      const searchedTo = Math.min(after + scanned, head)
      const events = []
      for (
        let seq = after + 1;
        seq <= (q === undefined ? head : searchedTo) && events.length < limit;
        seq++
      ) {
        if (q === undefined || String(seq).includes(q))
          events.push({ seq, at: seq, type: 'output', data: { line: line(seq) } })
      }
      const to = events.length === limit ? (events.at(-1)?.seq ?? searchedTo) : searchedTo
      return { events, head, closed: true, epoch: 'one', ...(q === undefined ? {} : { searchedTo: to }) }
    },
  } as unknown as Pick<Client, 'events'>
  return { client, queries }
}

async function found(client: Pick<Client, 'events'>, text: string, before = noSearch) {
  const states: SearchState[] = []
  const { signal } = new AbortController()
  await search(client, 'run', text, before, { signal, report: (state) => states.push(state) })
  return states
}

describe('search', () => {
  it('a search goes through the whole log, a part with each request, and reports each step', async () => {
    const { client, queries } = clientOf(100, 40)
    const states = await found(client, '7')
    expect(states.at(-1)).toMatchObject({ searchedTo: 100, isSearching: false, isFull: false })
    expect(states.at(-1)?.matches.slice(0, 3)).toEqual([7, 17, 27])
    expect(states.map(({ isSearching }) => isSearching)).toEqual([true, true, true, false])
    expect(queries.map(({ after }) => after)).toEqual([0, 40, 80])
  })

  it('a log that has grown is searched from where the search ended', async () => {
    const { client, queries } = clientOf(60, 100)
    const before = { ...noSearch, matches: [7], searchedTo: 50 }
    expect((await found(client, '7', before)).at(-1)?.matches).toEqual([7, 57])
    expect(queries.map(({ after }) => after)).toEqual([50])
  })

  it('a search ends when it has more matches than are kept', async () => {
    const { client } = clientOf(20_000, 50_000)
    const last = (await found(client, '')).at(-1)
    expect(last).toMatchObject({ isFull: true, isSearching: false })
    expect(last?.matches.length).toBe(5000)
  })

  it('a failure is reported, and what was found stays', async () => {
    const { client } = clientOf(100, 40)
    const failing = {
      events: async (id: string, query: Query) => {
        if ((query.after ?? 0) > 0) throw new Error('lost') as ClientError
        return client.events(id, query)
      },
    } as Pick<Client, 'events'>
    expect((await found(failing, '7')).at(-1)).toMatchObject({
      matches: [7, 17, 27, 37],
      isSearching: false,
      error: { message: 'lost' },
    })
  })
})

describe('exportLines', () => {
  it('the lines from one to the other are plain text, read page by page', async () => {
    const { client, queries } = clientOf(25_000, 0)
    const { parts, lines } = await exportLines(client, 'run', { first: 3, last: 20_004 })
    expect(lines).toBe(20_002)
    expect(parts.join('').split('\n').slice(0, 2)).toEqual(['line 3', 'line 4'])
    expect(parts.join('').endsWith('line 20004\n')).toBe(true)
    expect(queries.map(({ after, limit }) => [after, limit])).toEqual([
      [2, 10_000],
      [10_002, 10_000],
      [20_002, 2],
    ])
  })
})
