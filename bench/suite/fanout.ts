/**
 * One run, many followers. Two windows per side and round: one event per wake-up, at a rate that no
 * side has trouble with, and saturated, where events are printed as fast as the side takes them.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Load } from '../load/load.ts'
import { Board } from '../measure/board.ts'
import { cpuSeconds } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import { millrace } from '../peers/millrace.ts'
import { nchan } from '../peers/nchan.ts'
import { betterSse, plain } from '../peers/node-peers.ts'
import { installed, type Peer, type RunningPeer } from '../peers/peer.ts'
import { counted, interleaved } from './rounds.ts'

const counts = [1, 100, 1000, 5000]
const saturatedRate = 5000
/** Deliveries a second with one event per wake-up: about a third of a core. */
const gentleDeliveries = 30_000
const gentleMost = 100

const rate = 'delivered/s'
const p99 = 'p99'
const cpu = 'server CPU/event'

export async function fanout(options: Options): Promise<Board> {
  const board = new Board('fanout: one run, many followers, events of 200 bytes', [
    { name: rate, unit: '' },
    { name: 'p50', unit: 'ms' },
    { name: p99, unit: 'ms' },
    { name: cpu, unit: 'µs' },
  ])
  const sides = installed(chosen([millrace, plain, betterSse, nchan], options))
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'follower')
    await interleaved(`fanout ${label}`, sides, options.rounds, (side, scratch) =>
      measure(side, scratch, { board, count, seconds: options.seconds }),
    )
  }
  const [wakeUps, saturated] = [wakeUpCase(1000), saturatedCase(1000)]
  for (const peer of [betterSse.name, nchan.name]) {
    const claim = (what: string) => `${what}, 1,000 followers, saturated: millrace / ${peer}`
    const both = (figure: string) => ({
      of: board.median(saturated, millrace.name, figure),
      to: board.median(saturated, peer, figure),
    })
    board.expect(claim('delivered events/s'), { atLeast: 10 }, both(rate))
    board.expect(claim('p99'), { atMost: 1 }, both(p99))
  }
  board.expect(
    'server CPU per event, 1,000 followers, one event per wake-up: millrace / better-sse',
    { atMost: 0.7 },
    {
      of: board.median(wakeUps, millrace.name, cpu),
      to: board.median(wakeUps, betterSse.name, cpu),
    },
  )
  return board
}

const wakeUpCase = (count: number) => `${counted(count, 'follower')}, one event per wake-up`
const saturatedCase = (count: number) => `${counted(count, 'follower')}, saturated`

interface Measuring {
  board: Board
  count: number
  seconds: number
}

async function measure(side: Peer, scratch: Scratch, { board, count, seconds }: Measuring): Promise<void> {
  const peer = await side.start(scratch)
  const load = await Load.start(scratch)
  await load.connect({ port: peer.port, request: await peer.request(null), count })
  const gently = Math.min(gentleMost, gentleDeliveries / count)
  board.add(wakeUpCase(count), side.name, await observe(peer, load, gently, seconds))
  board.add(saturatedCase(count), side.name, await observe(peer, load, saturatedRate, seconds * 2))
}

async function observe(peer: RunningPeer, load: Load, perSecond: number, seconds: number) {
  peer.printing.rate(perSecond)
  await sleep(2000)
  await load.mark()
  const before = cpuSeconds(peer.pids)
  await sleep(seconds * 1000)
  const window = await load.window()
  const used = cpuSeconds(peer.pids) - before
  return {
    [rate]: window.events / window.seconds,
    p50: window.p50,
    [p99]: window.p99,
    // A side that delivered nothing at all in a window has no such figure.
    [cpu]: window.events === 0 ? Number.NaN : (used * 1e6) / window.events,
  }
}
