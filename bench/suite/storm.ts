/**
 * The server is killed, and all its followers come back at once, each with its cursor: how long until
 * each has what it missed? Peers that keep nothing on disk receive the missed events back in memory.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Load } from '../load/load.ts'
import { Board } from '../measure/board.ts'
import { cpuSeconds } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import { millrace } from '../peers/millrace.ts'
import { nchan } from '../peers/nchan.ts'
import { betterSse, betterSseBacklog, plain } from '../peers/node-peers.ts'
import { installed, type Peer } from '../peers/peer.ts'
import { counted, interleaved } from './rounds.ts'

const counts = [10_000]
const seen = 50
const missed = 100
const time = 'until all have caught up'

export async function storm(options: Options): Promise<Board> {
  const board = new Board(`storm: followers that missed ${missed} events come back after a kill -9`, [
    { name: time, unit: 's' },
    { name: 'until all are connected', unit: 's' },
    { name: 'server CPU', unit: 's' },
    { name: 'lost', unit: '' },
    { name: 'sent twice', unit: '' },
  ])
  const sides = installed(chosen([millrace, plain, betterSse, betterSseBacklog, nchan], options))
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'follower')
    await interleaved(`storm ${label}`, sides, options.rounds, async (side, scratch) => {
      board.add(label, side.name, await measure(side, scratch, count))
    })
    for (const peer of [betterSse.name, betterSseBacklog.name]) {
      board.expect(
        `time until all have caught up, ${label}: millrace / ${peer}`,
        { atMost: 0.3 },
        {
          of: board.median(label, millrace.name, time),
          to: board.median(label, peer, time),
        },
      )
    }
  }
  return board
}

async function measure(side: Peer, scratch: Scratch, count: number): Promise<Record<string, number>> {
  const peer = await side.start(scratch)
  const load = await Load.start(scratch)
  await load.connect({ port: peer.port, request: await peer.request(null), count, strict: true, after: 0 })
  peer.printing.burst(seen)
  await everybody(load, seen, count)
  await load.close()
  peer.printing.burst(missed)
  await sleep(1000)
  await peer.restart(seen + missed)
  const before = cpuSeconds(peer.pids)
  const request = await peer.request(seen)
  const connected = await load.connect({
    port: peer.port,
    request,
    count,
    concurrency: count,
    strict: true,
    after: seen,
  })
  const reached = await everybody(load, seen + missed, count)
  return {
    [time]: reached.ms / 1000,
    'until all are connected': connected.ms / 1000,
    'server CPU': cpuSeconds(peer.pids) - before,
    lost: reached.lost,
    'sent twice': reached.repeated,
  }
}

async function everybody(load: Load, number: number, count: number) {
  const reached = await load.reach(number)
  if (reached.followers < count) {
    throw new Error(`only ${reached.followers} of ${count} followers have seen event ${number}`)
  }
  return reached
}
