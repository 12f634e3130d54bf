/**
 * Millrace as several processes on one machine: a worker runs the printer, and web nodes serve the followers at one
 * port that they share, with a Postgres between them. With one web node it is what the sharing itself costs.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { postgresPrograms, startPostgres } from '@millrace/test-support/postgres-server'
import { quietPort } from '@millrace/test-support/server'
import { settling } from '../measure/child.ts'
import type { Scratch } from '../measure/scratch.ts'
import { preparePrinting } from '../printer/printing.ts'
import { eventsBeforeOutput, followRequest, getRun, printTools, startJob, startMillrace } from './millrace.ts'
import type { Peer, RunningPeer } from './peer.ts'

export function millraceNodes(count: number): Peer {
  return {
    name: `millrace-${count}-web`,
    missing: () => (postgresPrograms() === null ? 'apt-get install postgresql' : null),
    start: (scratch) => startNodes(scratch, count),
  }
}

async function startNodes(scratch: Scratch, count: number): Promise<RunningPeer> {
  const postgres = await startPostgres({ durable: true })
  if (postgres === null) throw new Error('Postgres is not installed')
  scratch.onRelease(() => postgres.stop())
  const folder = scratch.folder()
  const printing = preparePrinting(folder)
  const token = `bench-${randomUUID()}`
  const port = await quietPort()
  const start = async (name: string, role: string, shared: boolean) => {
    const server = await startMillrace(scratch, {
      dataDir: join(folder, name),
      project: printing.folder,
      tools: printTools,
      node: settling,
      env: { MILLRACE_STORE: postgres.url, MILLRACE_TOKEN: token, MILLRACE_ROLE: role },
      ...(shared && { port, http: { reusePort: true } }),
    })
    // Its own token is known to it alone, and the port leads to any node.
    return { ...server, token }
  }
  const worker = await start('worker', 'worker', false)
  const webs = await Promise.all(Array.from({ length: count }, (_, n) => start(`web-${n}`, 'web', true)))
  const [web] = webs
  if (web === undefined) throw new Error('no node serves')
  const run = await startJob(web, 'print')
  while ((await getRun(web, run)).state !== 'running') await sleep(10)
  return {
    printing,
    port,
    pids: [worker, ...webs].map(({ child }) => child.pid),
    async request(after) {
      return followRequest(
        web,
        run,
        after === null ? (await getRun(web, run)).head : after + eventsBeforeOutput,
      )
    },
    settle() {
      for (const { child } of [worker, ...webs]) child.process.kill('SIGUSR2')
    },
    restart: () => Promise.reject(new Error('several nodes are not restarted here')),
  }
}
