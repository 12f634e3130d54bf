/**
 * Programs elsewhere that do the work of external runs: 100 events a second each, in counted batches of ten over
 * HTTP. A batch is acknowledged when it is on disk; afterwards every log is held against what was acknowledged.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Board } from '../measure/board.ts'
import { nodeCommand, runToEnd } from '../measure/child.ts'
import type { Scratch } from '../measure/scratch.ts'
import type { Options } from '../options.ts'
import { startMillrace } from '../peers/millrace.ts'
import { counted, interleaved } from './rounds.ts'

const counts = [1, 200]
const side = { name: 'millrace' }

export async function producers(options: Options): Promise<Board> {
  const board = new Board('producers: 100 events of 200 bytes a second each, in batches of ten over HTTP', [
    { name: 'acknowledged/s', unit: '' },
    { name: 'p50', unit: 'ms' },
    { name: 'p99', unit: 'ms' },
    { name: 'server CPU/batch', unit: 'µs' },
    { name: 'lost', unit: '' },
    { name: 'twice', unit: '' },
  ])
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'producer')
    await interleaved(`producers ${label}`, [side], options.rounds, async (_side, scratch) => {
      const { perSecond, cpuMicros, ...rest } = await measure(scratch, count, options.seconds)
      board.add(label, side.name, {
        'acknowledged/s': perSecond,
        'server CPU/batch': cpuMicros,
        ...rest,
      })
    })
  }
  const p99 = board.median('200 producers', side.name, 'p99')
  board.expectValue('p99 of an acknowledgement, 200 producers, ms', { atMost: 50 }, p99)
  board.note('Every 50th batch was sent twice, and answered the second time as the first time.')
  return board
}

interface Measured {
  perSecond: number
  /** Of the server, for each batch. */
  cpuMicros: number
  p50: number
  p99: number
  lost: number
  twice: number
}

async function measure(scratch: Scratch, count: number, seconds: number): Promise<Measured> {
  const folder = scratch.folder()
  const project = join(folder, 'project')
  mkdirSync(project)
  const { port, token, child } = await startMillrace(scratch, {
    dataDir: join(folder, 'data'),
    project,
    tools: {},
  })
  const args = [port, token, child.pid, count, seconds]
  return runToEnd(nodeCommand('../parts/producers-process.ts', import.meta.url, args), scratch)
}
