/** What a follower costs that waits: resident memory of the server with and without them, all garbage collected. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Load } from '../load/load.ts'
import { Board } from '../measure/board.ts'
import { residentBytes } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import { millrace } from '../peers/millrace.ts'
import { nchan } from '../peers/nchan.ts'
import { betterSse, plain } from '../peers/node-peers.ts'
import { installed, type Peer, type RunningPeer } from '../peers/peer.ts'
import { counted, interleaved } from './rounds.ts'

const counts = [10_000]
/** Connected and gone before the first reading: code is compiled, pools have their size. */
const warmUp = 500

const memory = 'memory per follower'

export async function idle(options: Options): Promise<Board> {
  const board = new Board('idle: followers that wait', [
    { name: memory, unit: 'KB' },
    { name: 'server with all', unit: 'MB' },
  ])
  const sides = installed(chosen([millrace, plain, betterSse, nchan], options))
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'follower')
    await interleaved(`idle ${label}`, sides, options.rounds, async (side, scratch) => {
      board.add(label, side.name, await measure(side, scratch, count))
    })
    board.expect(
      `memory per follower, ${label}: millrace / better-sse`,
      { atMost: 0.6 },
      {
        of: board.median(label, millrace.name, memory),
        to: board.median(label, betterSse.name, memory),
      },
    )
  }
  return board
}

async function measure(side: Peer, scratch: Scratch, count: number): Promise<Record<string, number>> {
  const peer = await side.start(scratch)
  const load = await Load.start(scratch)
  const options = { port: peer.port, request: await peer.request(null) }
  await load.connect({ ...options, count: warmUp })
  await load.close()
  const without = await settledMemory(peer)
  await load.connect({ ...options, count })
  const withAll = await settledMemory(peer)
  return { [memory]: (withAll - without) / count / 1000, 'server with all': withAll / 1e6 }
}

/** Collects until a reading is no longer below the one before. */
async function settledMemory(peer: RunningPeer): Promise<number> {
  let before = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < 8; turn++) {
    peer.settle()
    await sleep(1500)
    const now = residentBytes(peer.pids)
    if (turn > 1 && now > before * 0.998) return now
    before = now
  }
  return before
}
