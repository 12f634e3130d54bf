/** Pages and walks of listings and searches over many runs, by the store of the server. */
import { Board } from '../measure/board.ts'
import { nodeCommand, runToEnd } from '../measure/child.ts'
import { withScratch } from '../measure/scratch.ts'
import type { Options } from '../options.ts'

interface Measured {
  filter: Record<string, string>
  runs: number
  medianMs: number
  worstPageMs: number
  walkMs: number
}

const usualRuns = 50_000
const side = 'millrace'

export async function listing({ counts, rounds }: Options): Promise<Board> {
  const runs = counts?.[0] ?? usualRuns
  const board = new Board(`listing: pages of 100 over ${runs} runs`, [
    { name: 'runs found', unit: '' },
    { name: 'a first page', unit: 'ms' },
    { name: 'slowest page', unit: 'ms' },
    { name: 'walk', unit: 'ms' },
  ])
  for (let round = 0; round < rounds; round += 1) {
    for (const { filter, ...found } of await measure(runs)) {
      board.add(JSON.stringify(filter), side, {
        'runs found': found.runs,
        'a first page': found.medianMs,
        'slowest page': found.worstPageMs,
        walk: found.walkMs,
      })
    }
  }
  board.expectValue('a page of all runs, ms', { atMost: 10 }, board.median('{}', side, 'a first page'))
  board.expectValue('the walk of all runs, ms', { atMost: 3000 }, board.median('{}', side, 'walk'))
  const rare = '{"q":"nothing has this"}'
  board.expectValue(
    'a search that finds nothing, ms',
    { atMost: 10 },
    board.median(rare, side, 'a first page'),
  )
  return board
}

function measure(runs: number): Promise<Measured[]> {
  return withScratch(async (scratch) => {
    const command = nodeCommand('../parts/listing-process.ts', import.meta.url, [scratch.folder(), runs])
    return (await runToEnd<{ measured: Measured[] }>(command, scratch)).measured
  })
}
