/** A job that prints a million lines, until its follower has the last byte; against the limits of its two halves. */

import { join } from 'node:path'
import { Load } from '../load/load.ts'
import { Board } from '../measure/board.ts'
import { nodeCommand, runToEnd } from '../measure/child.ts'
import { cpuSeconds } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import { followRequest, readMetric, startJob, startMillrace } from '../peers/millrace.ts'
import { preparePrinting } from '../printer/printing.ts'
import { counted, interleaved } from './rounds.ts'

const counts = [1_000_000]
const rate = 'lines/s'

const perCommit = 'lines/commit'
/** Of the server alone: the program that prints and the follower are not in it. */
const cpu = 'server CPU/line'
/** As many as the last round of Millrace had: the bare side batches as it does. */
let group = 1000

interface Measured {
  seconds: number
  linesPerCommit?: number
  cpuSeconds?: number
}

interface Side {
  name: string
  run: (scratch: Scratch, lines: number) => Promise<Measured>
}

const product: Side = { name: 'millrace, to the last byte', run: followJob }
const sqlite: Side = {
  name: 'node:sqlite, bare',
  async run(scratch, lines) {
    const command = nodeCommand('../parts/sqlite-lines-process.ts', import.meta.url, [
      scratch.folder(),
      lines,
      group,
    ])
    return { ...(await runToEnd<Measured>(command, scratch)), linesPerCommit: group }
  },
}
const pipe: Side = {
  name: 'bare pipe',
  async run(scratch, lines) {
    const { folder } = preparePrinting(scratch.folder())
    const command = nodeCommand('../parts/pipe-lines-process.ts', import.meta.url, [folder, lines])
    return runToEnd<Measured>(command, scratch)
  },
}

export async function output(options: Options): Promise<Board> {
  const board = new Board('output: lines of a job', [
    { name: rate, unit: '' },
    { name: 'took', unit: 's' },
    { name: perCommit, unit: '' },
    { name: cpu, unit: 'µs' },
  ])
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'line')
    await interleaved(
      `output ${label}`,
      chosen([product, sqlite, pipe], options),
      options.rounds,
      async (side, scratch) => {
        const { seconds, linesPerCommit, cpuSeconds: used } = await side.run(scratch, count)
        board.add(label, side.name, { [rate]: count / seconds, took: seconds })
        if (linesPerCommit !== undefined) board.add(label, side.name, { [perCommit]: linesPerCommit })
        if (used !== undefined) board.add(label, side.name, { [cpu]: (used * 1e6) / count })
      },
    )
    board.expect(
      `lines/s, ${label}: millrace / bare node:sqlite`,
      { atLeast: 0.5 },
      {
        of: board.median(label, product.name, rate),
        to: board.median(label, sqlite.name, rate),
      },
    )
  }
  return board
}

async function followJob(scratch: Scratch, lines: number): Promise<Measured> {
  const folder = scratch.folder()
  const printing = preparePrinting(folder)
  const command = ['node', 'printer.ts', 'flood', String(lines)]
  const server = await startMillrace(scratch, {
    dataDir: join(folder, 'data'),
    project: printing.folder,
    tools: { flood: { command } },
  })
  const load = await Load.start(scratch)
  const before = cpuSeconds([server.child.pid])
  const startedAt = performance.now()
  const run = await startJob(server, 'flood')
  await load.connect({
    port: server.port,
    request: followRequest(server, run, 0),
    count: 1,
    strict: true,
    after: 0,
  })
  const reached = await load.reach(lines, 600_000)
  const seconds = (performance.now() - startedAt) / 1000
  const used = cpuSeconds([server.child.pid]) - before
  if (reached.followers !== 1 || reached.lost + reached.repeated > 0)
    throw new Error('the follower did not get each line once')
  const commits = await readMetric(server, 'millrace_commit_latency_seconds_count')
  group = Math.max(1, Math.round(lines / commits))
  return { seconds, linesPerCommit: group, cpuSeconds: used }
}
