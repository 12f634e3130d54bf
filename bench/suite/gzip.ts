/**
 * What `http.compressStreams` costs and saves: followers of one run whose words come one by one, with and without gzip.
 * Each event is a write of its own, and each write is flushed.
 */
import { mkdirSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Load } from '../load/load.ts'
import { Board } from '../measure/board.ts'
import { cpuSeconds } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import type { Options } from '../options.ts'
import { begin, call } from '../parts/producing.ts'
import { startMillrace } from '../peers/millrace.ts'
import { getRequest } from '../peers/peer.ts'
import { counted, interleaved } from './rounds.ts'

const counts = [100]
const perSecond = 50
const warmUpMs = 1500

interface Side {
  name: string
  headers: Record<string, string>
}

const sides: Side[] = [
  { name: 'as it is', headers: {} },
  { name: 'gzip, flushed at every write', headers: { 'Accept-Encoding': 'gzip' } },
]

export async function gzip(options: Options): Promise<Board> {
  const board = new Board(`gzip: one run, ${perSecond} events a second, an agent's words`, [
    { name: 'bytes/event', unit: '' },
    { name: 'server CPU/event', unit: 'µs' },
  ])
  for (const count of options.counts ?? counts) {
    const label = counted(count, 'follower')
    await interleaved(`gzip ${label}`, sides, options.rounds, async (side, scratch) => {
      board.add(label, side.name, await measure(side, scratch, count, options.seconds))
    })
  }
  board.note(
    'An event counts once for each follower. The appending of it is in its processor time on both sides.',
  )
  return board
}

async function measure(side: Side, scratch: Scratch, count: number, seconds: number) {
  const folder = scratch.folder()
  const project = join(folder, 'project')
  mkdirSync(project)
  const server = await startMillrace(scratch, {
    dataDir: join(folder, 'data'),
    project,
    tools: {},
    http: { compressStreams: true },
  })
  const agent = new Agent({ keepAlive: true })
  scratch.onRelease(() => agent.destroy())
  const id = await begin(server, agent, 1)
  const pids = [server.child.pid]
  const load = await Load.start(scratch)
  const headers = { Authorization: `Bearer ${server.token}`, ...side.headers }
  await load.connect({ port: server.port, request: getRequest(`/api/runs/${id}/events`, headers), count })
  const say = async (words: number) => {
    for (let n = 0; n < words; n++) {
      const due = sleep(1000 / perSecond)
      const events = [{ type: 'text:delta', data: { messageId: 'm1', text: `${word()} ` } }]
      await call(server, agent, 'POST', `/api/runs/${id}/events`, { events })
      await due
    }
  }
  await say((perSecond * warmUpMs) / 1000)
  await load.mark()
  const before = cpuSeconds(pids)
  await say(perSecond * seconds)
  const used = cpuSeconds(pids) - before
  const { bytes } = await load.window()
  const delivered = perSecond * seconds * count
  return {
    'bytes/event': bytes / delivered,
    'server CPU/event': (used * 1e6) / delivered,
  }
}

/** Nonsense, as hard to compress as words are, and the same in every round of a process. */
let state = 1
function word(): string {
  const letters = 'eeeetttaaaoooiiinnnssshhrrddlluucmwfgypbvk'
  let text = ''
  do {
    state = (state * 48_271) % 2_147_483_647
    text += letters[state % letters.length]
  } while (text.length < 2 || state % 5 !== 0)
  return text
}
