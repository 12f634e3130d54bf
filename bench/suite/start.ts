/** From the request that starts a job to its first line at a follower, against the sandbox alone. */

import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { join } from 'node:path'
import { Board, middle } from '../measure/board.ts'
import { nodeCommand, runToEnd } from '../measure/child.ts'
import type { Scratch } from '../measure/scratch.ts'
import { chosen, type Options } from '../options.ts'
import { type MillraceServer, startMillrace } from '../peers/millrace.ts'
import { interleaved } from './rounds.ts'

const starts = 30
const warmUp = 5
const label = 'one job at a time'
const time = 'to the first line'

interface Side {
  name: string
  /** Milliseconds of each start. */
  run: (scratch: Scratch) => Promise<number[]>
}

const product: Side = { name: 'millrace, POST to output', run: startJobs }
const bare: Side = {
  name: 'bare sandboxed spawn',
  async run(scratch) {
    const times = warmUp + starts
    const command = nodeCommand('../parts/bare-spawn-process.ts', import.meta.url, [scratch.folder(), times])
    return (await runToEnd<{ measured: number[] }>(command, scratch)).measured
  },
}

export async function start(options: Options): Promise<Board> {
  const board = new Board(`start: ${starts} starts a round, of \`echo\``, [
    { name: time, unit: 'ms' },
    { name: 'fastest', unit: 'ms' },
    { name: 'p90', unit: 'ms' },
  ])
  await interleaved('start', chosen([product, bare], options), options.rounds, async (side, scratch) => {
    const times = (await side.run(scratch)).slice(warmUp).sort((a, b) => a - b)
    board.add(label, side.name, {
      [time]: middle(times),
      fastest: times[0] ?? Number.NaN,
      p90: times[Math.floor(times.length * 0.9)] ?? Number.NaN,
    })
  })
  const difference = board.median(label, product.name, time) - board.median(label, bare.name, time)
  board.expectValue(
    'millrace, POST to output, later than the bare sandboxed spawn by, ms',
    { atMost: 10 },
    difference,
  )
  return board
}

async function startJobs(scratch: Scratch): Promise<number[]> {
  const folder = scratch.folder()
  const project = join(folder, 'project')
  mkdirSync(project)
  const tools = { echo: { command: ['echo', 'ready'] } }
  const server = await startMillrace(scratch, { dataDir: join(folder, 'data'), project, tools })
  const agent = new Agent({ keepAlive: true })
  scratch.onRelease(() => agent.destroy())
  const times: number[] = []
  for (let turn = 0; turn < warmUp + starts; turn++) times.push(await startOne(server, agent))
  return times
}

async function startOne(server: MillraceServer, agent: Agent): Promise<number> {
  const startedAt = performance.now()
  const posted = await call(
    server,
    agent,
    { method: 'POST', path: '/api/runs' },
    { kind: 'job', project: 'bench', tool: 'echo' },
  )
  const { run } = JSON.parse(await textOf(posted)) as { run: { id: string } }
  const stream = await call(server, agent, { path: `/api/runs/${run.id}/events` })
  stream.setEncoding('utf8')
  let text = ''
  let took = Number.NaN
  for await (const chunk of stream) {
    text += chunk
    if (Number.isNaN(took) && text.includes('event: output')) took = performance.now() - startedAt
  }
  return took
}

async function call(
  server: MillraceServer,
  agent: Agent,
  options: RequestOptions,
  body?: object,
): Promise<IncomingMessage> {
  const headers = { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' }
  const sent = request({ agent, port: server.port, host: '127.0.0.1', headers, ...options })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return response
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return text
}
