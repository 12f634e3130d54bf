/**
 * `connect`: followers that all come at once, until each has its first event. `burst`: ten events within a tenth of a
 * second, to followers that are there. Both are about moments, not rates: how long does everybody wait?
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Load } from '../load/load.ts'
import { Board } from '../measure/board.ts'
import { cpuSeconds } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import { centrifugo } from '../peers/centrifugo.ts'
import { millrace } from '../peers/millrace.ts'
import { millraceNodes } from '../peers/millrace-nodes.ts'
import { nchan } from '../peers/nchan.ts'
import { betterSse, betterSseBacklog, plain } from '../peers/node-peers.ts'
import { installed, type Peer } from '../peers/peer.ts'
import { counted, interleaved } from './rounds.ts'

const counts = [10_000]
const nodes = [millraceNodes(1), millraceNodes(2)]
/** Connected and gone before the first reading: code is compiled, pools have their size. */
const warmUp = 1000

const first = 'until all have their first event'
const p50 = 'p50'
const p99 = 'p99'

export async function connect(options: Options): Promise<Board> {
  const board = new Board('connect: followers that come at once, until each has its first event', [
    { name: first, unit: 's' },
    { name: 'server CPU/connection', unit: 'µs' },
  ])
  const sides = installed(
    chosen([millrace, ...nodes, centrifugo, plain, betterSse, betterSseBacklog, nchan], options),
  )
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'follower')
    await interleaved(`connect ${label}`, sides, options.rounds, async (side, scratch) => {
      board.add(label, side.name, await connectAll(side, scratch, count))
    })
    board.expectValue(`${first}, ${label}, s`, { atMost: 1.5 }, board.median(label, millrace.name, first))
  }
  return board
}

export async function burst(options: Options): Promise<Board> {
  const board = new Board('burst: ten events within a tenth of a second', [
    { name: p50, unit: 'ms' },
    { name: p99, unit: 'ms' },
    { name: 'server CPU/delivery', unit: 'µs' },
    { name: 'lost', unit: '' },
  ])
  const sides = installed(chosen([millrace, ...nodes, centrifugo, plain, betterSse, nchan], options))
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'follower')
    await interleaved(`burst ${label}`, sides, options.rounds, async (side, scratch) => {
      board.add(label, side.name, await deliverBurst(side, scratch, count))
    })
    board.expectValue(`${p50}, ${label}, ms`, { atMost: 200 }, board.median(label, millrace.name, p50))
    board.expectValue(`${p99}, ${label}, ms`, { atMost: 400 }, board.median(label, millrace.name, p99))
  }
  return board
}

async function connectAll(side: Peer, scratch: Scratch, count: number): Promise<Record<string, number>> {
  const peer = await side.start(scratch)
  const load = await Load.start(scratch)
  peer.printing.burst(1)
  await sleep(1000)
  const options = { port: peer.port, request: await peer.request(0), strict: true, after: 0 }
  await load.connect({ ...options, count: warmUp })
  await load.close()
  const before = cpuSeconds(peer.pids)
  await load.connect({ ...options, count, concurrency: count })
  const reached = await load.reach(1)
  if (reached.followers < count)
    throw new Error(`only ${reached.followers} of ${count} have their first event`)
  const used = cpuSeconds(peer.pids) - before
  return { [first]: reached.ms / 1000, 'server CPU/connection': (used * 1e6) / count }
}

async function deliverBurst(side: Peer, scratch: Scratch, count: number): Promise<Record<string, number>> {
  const peer = await side.start(scratch)
  const load = await Load.start(scratch)
  await load.connect({ port: peer.port, request: await peer.request(null), count })
  // Once for the code, once for the figures.
  await printBurst(peer.printing, load, 3000)
  await load.mark()
  const before = cpuSeconds(peer.pids)
  await printBurst(peer.printing, load, 3000)
  const window = await load.window()
  const used = cpuSeconds(peer.pids) - before
  // The slowest lacks so many of those that the fastest has.
  const lost = window.fastest - window.slowest
  return { [p50]: window.p50, [p99]: window.p99, 'server CPU/delivery': (used * 1e6) / window.events, lost }
}

/** A hundred lines a second, for a tenth of a second. The printer looks for orders every 20 ms. */
async function printBurst(
  printing: { rate(perSecond: number): void },
  load: Load,
  settleMs: number,
): Promise<void> {
  printing.rate(100)
  await sleep(100)
  printing.rate(0)
  await sleep(settleMs)
  // All have the same number once nothing is on the way.
  for (let turn = 0; turn < 20; turn++) {
    const { slowest, fastest } = await load.window()
    if (slowest === fastest) return
    await sleep(500)
  }
}
