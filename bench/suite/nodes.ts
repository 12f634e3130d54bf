/**
 * Several nodes on one Postgres: what a delivery costs over 1, 2, 4 and 8 of them, and what it costs writers to tell each other
 * what they commit. Processor time is that of all nodes, without what they use at rest with the same followers, which has a
 * column of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { postgresPrograms, startPostgres } from '@millrace/test-support/postgres-server'
import { Load } from '../load/load.ts'
import { Board } from '../measure/board.ts'
import { nodeCommand, runToEnd } from '../measure/child.ts'
import { cpuSeconds } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import type { Appending } from '../parts/appending.ts'
import { millraceNodes } from '../peers/millrace-nodes.ts'
import { installed, type Peer } from '../peers/peer.ts'
import { counted, interleaved } from './rounds.ts'

const nodeCounts = [1, 2, 4, 8]
const followers = 2000
/** A fifth of what one core delivers, so that eight nodes find room beside the load on two. */
const perSecond = 10
/** Until what eight nodes run is compiled, each with its share of the followers. */
const warmUpMs = 6000
const fewFollowers = 100
const writers = 3
const writtenRuns = 200

const delivery = 'nodes CPU/delivery'
const atRest = 'nodes at rest'
const written = 'acknowledged/s'

export async function nodes(options: Options): Promise<Board> {
  const board = new Board('nodes: several on one Postgres', [
    { name: delivery, unit: 'µs' },
    { name: 'p50', unit: 'ms' },
    { name: 'p99', unit: 'ms' },
    { name: atRest, unit: 'ms/s' },
    { name: written, unit: '' },
  ])
  const peers = installed(chosen(nodeCounts.map(millraceNodes), options))
  const [count = followers] = options.counts ?? []
  const deliveries = `${counted(count, 'follower')} of one run, ${perSecond} events/s`
  await interleaved(deliveries, peers, options.rounds, async (peer, scratch) => {
    board.add(deliveries, peer.name, await deliver(peer, scratch, count, options.seconds))
  })
  const behind = `${counted(fewFollowers, 'follower')} at another node, ${perSecond} events/s`
  await interleaved(behind, peers.slice(0, 1), options.rounds, async (peer, scratch) => {
    board.add(behind, peer.name, await deliver(peer, scratch, fewFollowers, options.seconds))
  })
  const sides = chosen([...notifying], options).filter(() => postgresPrograms() !== null)
  const writing = `${counted(writers, 'writer')}, ${counted(writtenRuns, 'run')} each`
  await interleaved(writing, sides, options.rounds, async ({ name, hints }, scratch) => {
    board.add(writing, name, { [written]: await write(scratch, hints, options.seconds) })
  })
  const one = board.median(deliveries, millraceNodes(1).name, delivery)
  for (const nodes of nodeCounts.slice(1)) {
    const of = board.median(deliveries, millraceNodes(nodes).name, delivery)
    board.expect(`CPU of a delivery: ${counted(nodes, 'web node')} / 1`, { atMost: 1.15 }, { of, to: one })
  }
  for (const [figure, atMost] of [
    ['p50', 20],
    ['p99', 200],
  ] as const)
    board.expectValue(
      `${behind}: ${figure}, ms`,
      { atMost },
      board.median(behind, millraceNodes(1).name, figure),
    )
  const [told, silent] = notifying.map(({ name }) => board.median(writing, name, written))
  board.expect(
    `acknowledged events/s, ${writing}: with NOTIFY / without`,
    { atLeast: 0.9 },
    { of: told ?? Number.NaN, to: silent ?? Number.NaN },
  )
  return board
}

const notifying = [
  { name: 'writers with NOTIFY', hints: true },
  { name: 'writers without NOTIFY', hints: false },
]

async function deliver(peer: Peer, scratch: Scratch, count: number, seconds: number) {
  const { port, request, pids, printing } = await peer.start(scratch)
  const load = await Load.start(scratch)
  await load.connect({ port, request: await request(null), count })
  printing.rate(perSecond * 3)
  await sleep(warmUpMs)
  printing.rate(0)
  await sleep(1000)
  const rested = cpuSeconds(pids)
  await sleep(seconds * 1000)
  const resting = (cpuSeconds(pids) - rested) / seconds
  printing.rate(perSecond)
  await sleep(1000)
  await load.mark()
  const before = cpuSeconds(pids)
  await sleep(seconds * 1000)
  const window = await load.window()
  const used = cpuSeconds(pids) - before - resting * window.seconds
  return {
    [delivery]: (used * 1e6) / window.events,
    p50: window.p50,
    p99: window.p99,
    [atRest]: resting * 1000,
  }
}

/** Appends of all writers together. */
async function write(scratch: Scratch, hints: boolean, seconds: number): Promise<number> {
  const server = await startPostgres({ durable: true })
  if (server === null) throw new Error('Postgres is not installed')
  scratch.onRelease(() => server.stop())
  const command = nodeCommand('../parts/postgres-writer-process.ts', import.meta.url, [
    server.url,
    writtenRuns,
    seconds,
    writers,
    hints ? 'hints' : 'silent',
  ])
  const all = await Promise.all(Array.from({ length: writers }, () => runToEnd<Appending>(command, scratch)))
  return all.reduce((sum, { perSecond }) => sum + perSecond, 0)
}
