/** `realtime`: clients of PocketBase's protocol that all come at once, until each has subscribed to a topic. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Board } from '../measure/board.ts'
import { nodeCommand, runToEnd } from '../measure/child.ts'
import { cpuSeconds } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import { startMillrace } from '../peers/millrace.ts'
import { installed, type Peer } from '../peers/peer.ts'
import { pocketbaseMissing, startPocketbase } from '../peers/pocketbase.ts'
import { counted, interleaved } from './rounds.ts'

interface Side extends Pick<Peer, 'name' | 'missing'> {
  start(scratch: Scratch): Promise<{ port: number; pid: number }>
}

const millrace: Side = { name: 'millrace', missing: () => null, start: startServer }
const pocketbase: Side = { name: 'PocketBase', missing: pocketbaseMissing, start: startPocketbase }

const all = 'until all have subscribed'

export async function realtime(options: Options): Promise<Board> {
  const board = new Board('realtime: clients that come at once, until each has subscribed', [
    { name: all, unit: 's' },
    { name: 'server CPU/client', unit: 'µs' },
  ])
  const sides = installed(chosen([millrace, pocketbase], options))
  for (const count of options.counts ?? [1000]) {
    const label = counted(count, 'client')
    await interleaved(`realtime ${label}`, sides, options.rounds, async (side, scratch) => {
      board.add(label, side.name, await subscribeAll(side, scratch, count))
    })
    board.expectValue(`${all}, ${label}, s`, { atMost: 0.35 }, board.median(label, millrace.name, all))
  }
  return board
}

async function subscribeAll(side: Side, scratch: Scratch, count: number): Promise<Record<string, number>> {
  const { port, pid } = await side.start(scratch)
  const run = (clients: number) =>
    runToEnd<{ ms: number }>(
      nodeCommand('../load/subscribers-process.ts', import.meta.url, [port, clients]),
      scratch,
    )
  // Once for the code, once for the figures.
  await run(count)
  const before = cpuSeconds([pid])
  const { ms } = await run(count)
  return { [all]: ms / 1000, 'server CPU/client': ((cpuSeconds([pid]) - before) * 1e6) / count }
}

async function startServer(scratch: Scratch): Promise<{ port: number; pid: number }> {
  const folder = scratch.folder()
  const project = join(folder, 'project')
  mkdirSync(project)
  const { port, child } = await startMillrace(scratch, {
    dataDir: join(folder, 'data'),
    project,
    tools: {},
    realtime: { publicTopics: ['bench'] },
  })
  return { port, pid: child.pid }
}
