/** One follower comes back with its cursor: how long until it has the last of 10,000 events it missed? */
import { setTimeout as sleep } from 'node:timers/promises'
import { Load } from '../load/load.ts'
import { Board, middle } from '../measure/board.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import { durableStreams } from '../peers/durable-streams.ts'
import { millrace } from '../peers/millrace.ts'
import { betterSse, plain } from '../peers/node-peers.ts'
import { installed, type Peer } from '../peers/peer.ts'
import { counted, interleaved } from './rounds.ts'

const counts = [10_000]
const seen = 10
const visits = 10

const first = 'first visit'
const later = 'later visits, median'

export async function resume(options: Options): Promise<Board> {
  const board = new Board('resume: from the request to the last event that was missed', [
    { name: first, unit: 'ms' },
    { name: later, unit: 'ms' },
    { name: 'lost', unit: '' },
  ])
  board.note('res.write and better-sse serve from memory; Millrace and durable-streams from what is on disk.')
  const sides = installed(chosen([millrace, durableStreams, plain, betterSse], options))
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'missed event')
    await interleaved(`resume ${label}`, sides, options.rounds, async (side, scratch) => {
      board.add(label, side.name, await measure(side, scratch, count))
    })
    for (const figure of [first, later]) {
      board.expect(
        `${figure}, ${label}: durable-streams / millrace`,
        { atLeast: 5 },
        {
          of: board.median(label, durableStreams.name, figure),
          to: board.median(label, millrace.name, figure),
        },
      )
    }
  }
  return board
}

async function measure(side: Peer, scratch: Scratch, count: number): Promise<Record<string, number>> {
  const peer = await side.start(scratch)
  const [live, load] = await Promise.all([Load.start(scratch), Load.start(scratch)])
  await live.connect({ port: peer.port, request: await peer.request(null), count: 1, strict: true, after: 0 })
  peer.printing.burst(seen)
  await live.reach(seen)
  const request = await peer.request(seen)
  peer.printing.burst(count)
  // A store that is asked for every event by itself takes its time.
  const stored = await live.reach(seen + count, 600_000)
  if (stored.followers === 0) throw new Error('not all events were stored')
  await live.close()
  // The feed of a run without followers is dropped, and the machine is quiet.
  await sleep(1000)
  const times: number[] = []
  let lost = 0
  for (let visit = 0; visit <= visits; visit++) {
    await load.connect({ port: peer.port, request, count: 1, strict: true, after: seen })
    const reached = await load.reach(seen + count)
    if (reached.followers === 0) throw new Error('the follower did not get all')
    times.push(reached.ms)
    lost += reached.lost
    await load.close()
    await sleep(50)
  }
  return { [first]: times[0] ?? Number.NaN, [later]: middle(times.slice(1)), lost }
}
