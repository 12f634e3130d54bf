/**
 * The client in other runtimes: a server with an external run, a proxy that cuts the connection half-way, and the
 * folder with the bundled client and the program that follows (`following-program.ts`).
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { bundleClient } from '../../scripts/bundle-client.ts'
import { followingProgram } from './following-program.ts'
import { startProxy } from './proxy.ts'

/** What the program is called with. */
export interface Assignment {
  url: string
  token: string
  runId: string
  half: number
}

/** What the program answers. */
export interface Report {
  seqs: number[]
  texts: string[]
  statuses: string[]
  state: string
  refusal: unknown
}

export interface Elsewhere {
  /** Has `client.js` and `program.js`; gone after `close`. */
  folder: string
  /** What the bundled client loads besides itself. */
  imports: string[]
  /** Has a run followed by a program that `start` starts, with a cut half-way. */
  follow(start: (assignment: Assignment) => Promise<Report>): Promise<Report>
  close(): Promise<void>
}

/** Says twenty things, is cut off, and says twenty more; two lifecycle events come first, the end last. */
const saidEach = 20
const half = 2 + saidEach

export const wanted: Report = {
  seqs: Array.from({ length: 2 * saidEach + 3 }, (_, index) => index + 1),
  texts: Array.from({ length: 2 * saidEach }, (_, index) => textOf(index)),
  statuses: ['connecting', 'open', 'reconnecting', 'open', 'closed'],
  state: 'completed',
  refusal: 'unauthenticated',
}

function textOf(index: number): string {
  return `línea ${index} 🎉`
}

/** `origin`: a page of it may call the server. */
export async function openElsewhere(origin?: string): Promise<Elsewhere> {
  const scratch = scratchFolder('millrace-elsewhere-')
  const folder = join(scratch.path, 'program')
  for (const name of ['program', 'data']) mkdirSync(join(scratch.path, name))
  const { code, imports } = await bundleClient()
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'client.js'), code)
  writeFileSync(join(folder, 'program.js'), followingProgram)
  const server = await startServer({
    cwd: scratch.path,
    dataDir: join(scratch.path, 'data'),
    config: {
      projects: { here: { path: folder } },
      http: { cors: { origins: origin === undefined ? [] : [origin] } },
    },
  })
  return {
    folder,
    imports,
    follow: (start) => followWithCut(server, start),
    close: async () => {
      await server.end()
      scratch.dispose()
    },
  }
}

async function followWithCut(
  server: ServerProcess,
  start: (assignment: Assignment) => Promise<Report>,
): Promise<Report> {
  const { run } = await server.json<{ run: { id: string } }>(
    '/api/runs',
    post({ kind: 'external', title: 'Elsewhere' }),
  )
  const path = `/api/runs/${run.id}`
  const say = async (from: number) => {
    const events = Array.from({ length: saidEach }, (_, n) => ({
      type: 'said',
      data: { text: textOf(from + n) },
    }))
    const response = await server.call(`${path}/events`, post({ events }))
    if (!response.ok) throw new Error(await response.text())
  }
  await say(0)
  const proxy = await startProxy(server.url)
  try {
    const report = start({ url: proxy.url, token: server.token, runId: run.id, half })
    // A program that fails never makes its call.
    const failed = report.then(() => {
      throw new Error('the program ended before it was cut off')
    })
    const asked = until(() => proxy.requests(path).some(({ method }) => method === 'GET'))
    await Promise.race([asked, failed])
    failed.catch(() => {})
    proxy.cut()
    await say(saidEach)
    await server.call(`${path}/finish`, post({ state: 'completed' }))
    return await report
  } finally {
    await proxy.close()
  }
}
