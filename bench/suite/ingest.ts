/**
 * Durable appends: every run waits for each of its events to be on disk before it sends the next.
 *
 * Stores are measured through their own methods, in a process of their own: 200 jobs would measure 200
 * processes. Appends over HTTP at the pace of real programs are in producers.ts. The Durable Streams server is
 * measured over HTTP, too.
 */

import { postgresPrograms } from '@millrace/test-support/postgres-server'
import { Board } from '../measure/board.ts'
import { nodeCommand, runToEnd } from '../measure/child.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import type { Appending } from '../parts/appending.ts'
import { durableStreamsMissing, startDurableStreams } from '../peers/durable-streams.ts'
import { counted, interleaved } from './rounds.ts'

const counts = [1, 20, 200]

interface Side {
  name: string
  missing: () => string | null
  run: (scratch: Scratch, runs: number, seconds: number) => Promise<Appending>
}

function part(name: string, module: string, missing: Side['missing'] = () => null): Side {
  return {
    name,
    missing,
    run: (scratch, ...rest) =>
      runToEnd(nodeCommand(`../parts/${module}`, import.meta.url, [scratch.folder(), ...rest]), scratch),
  }
}

const store = part('millrace, store', 'store-appends-process.ts')
const postgres = part('millrace, store on Postgres', 'postgres-appends-process.ts', () =>
  postgresPrograms() === null ? 'apt-get install postgresql' : null,
)
const sqlite = part('node:sqlite, bare', 'sqlite-appends-process.ts')
const durable = part('durable-streams, store', 'durable-streams-appends-process.ts', durableStreamsMissing)
const durableOverHttp: Side = {
  name: 'durable-streams, HTTP',
  missing: durableStreamsMissing,
  async run(scratch, runs, seconds) {
    const { port } = await startDurableStreams(scratch)
    return runToEnd(
      nodeCommand('../parts/http-appends-process.ts', import.meta.url, [port, runs, seconds]),
      scratch,
    )
  },
}

const rate = 'acknowledged/s'

export async function ingest(options: Options): Promise<Board> {
  const board = new Board('ingest: events of 200 bytes, each acknowledged when it is on disk', [
    { name: rate, unit: '' },
    { name: 'p50', unit: 'ms' },
    { name: 'p99', unit: 'ms' },
  ])
  const sides = chosen([store, postgres, sqlite, durable, durableOverHttp], options).filter(
    ({ name, missing }) => {
      const hint = missing()
      if (hint !== null) console.error(`skipped: ${name} (${hint})`)
      return hint === null
    },
  )
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'run')
    await interleaved(`ingest ${label}`, sides, options.rounds, async (side, scratch) => {
      const { perSecond, p50, p99 } = await side.run(scratch, count, options.seconds)
      board.add(label, side.name, { [rate]: perSecond, p50, p99 })
    })
  }
  const ratio = (to: Side) => ({
    of: board.median('200 runs', store.name, rate),
    to: board.median('200 runs', to.name, rate),
  })
  board.expect(
    'acknowledged events/s, 200 runs: millrace / bare node:sqlite',
    { atLeast: 0.7 },
    ratio(sqlite),
  )
  for (const [label, atLeast] of [
    ['1 run', 0.4],
    ['20 runs', 0.6],
    ['200 runs', 0.6],
  ] as const) {
    board.expect(
      `acknowledged events/s, ${label}: millrace, store on Postgres / store`,
      { atLeast },
      {
        of: board.median(label, postgres.name, rate),
        to: board.median(label, store.name, rate),
      },
    )
  }
  board.expect(
    'acknowledged events/s, 200 runs: millrace / durable-streams, store',
    { atLeast: 5 },
    ratio(durable),
  )
  board.expect(
    'acknowledged events/s, 200 runs: millrace / durable-streams, HTTP',
    { atLeast: 5 },
    ratio(durableOverHttp),
  )
  return board
}
