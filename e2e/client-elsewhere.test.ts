/**
 * The bundled client where there is no Node: in a worker that has the web's globals only, in a page of Chromium, and in a
 * worker of that page, both of another origin than the server. Deno and Bun: `runtimes/runtimes.test.ts`.
 */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Browser, openBrowser } from './support/browser.ts'
import {
  type Assignment,
  type Elsewhere,
  openElsewhere,
  type Report,
  wanted,
} from './support/client-elsewhere.ts'

/** All that the client has of its surroundings in a context of its own. Node's own fetch needs Node's globals. */
const ofTheWeb = [
  'fetch',
  'URL',
  'AbortController',
  'TextDecoder',
  'performance',
  'setTimeout',
  'clearTimeout',
]
const worker = `
import { readFileSync } from 'node:fs'
import { createContext, SourceTextModule } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
const globals = Object.fromEntries(${JSON.stringify(ofTheWeb)}.map((name) => [name, globalThis[name]]))
const context = createContext({ ...globals, queueMicrotask })
const load = (name) => new SourceTextModule(readFileSync(new URL(name, import.meta.url), 'utf8'), { context })
const program = load('program.js')
await program.link((name) => load(name))
await program.evaluate()
parentPort.postMessage(await program.namespace.followToEnd(workerData))
`
const webWorker = `
import { followToEnd } from './program.js'
onmessage = async ({ data }) => postMessage(await followToEnd(data))
`

let pages: Server
let origin: string
let elsewhere: Elsewhere
let browser: Browser

beforeAll(async () => {
  pages = createServer((request, response) => {
    const name = request.url?.slice(1) ?? ''
    if (!['client.js', 'program.js', 'web-worker.js'].includes(name)) {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Elsewhere</title>')
      return
    }
    response.writeHead(200, { 'content-type': 'text/javascript' })
    response.end(readFileSync(join(elsewhere.folder, name)))
  })
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  ;[elsewhere, browser] = await Promise.all([openElsewhere(origin), openBrowser()])
  writeFileSync(join(elsewhere.folder, 'worker.js'), worker)
  writeFileSync(join(elsewhere.folder, 'web-worker.js'), webWorker)
  await browser.page.goto(`${origin}/`)
})
afterAll(async () => {
  await browser?.close()
  await elsewhere?.close()
  pages.close()
  pages.closeAllConnections()
})

it('the bundled client loads no module, of Node or of anybody else', () => {
  expect(elsewhere.imports).toEqual([])
  expect(readFileSync(join(elsewhere.folder, 'client.js'), 'utf8')).not.toMatch(
    /node:|\brequire\(|\bimport\(/,
  )
})

it('the client follows across a cut in a worker that has only what the web has', async () => {
  const report = await elsewhere.follow(async (assignment) => {
    const thread = new Worker(join(elsewhere.folder, 'worker.js'), {
      workerData: assignment,
      execArgv: ['--experimental-vm-modules', '--no-warnings'],
    })
    const [said] = (await once(thread, 'message')) as [Report]
    await thread.terminate()
    return said
  })
  expect(report).toEqual(wanted)
})

it('the client follows across a cut in a page of another origin', async () => {
  const report = await elsewhere.follow((assignment) => inPage(assignment, 'followToEnd(assignment)'))
  expect(report).toEqual(wanted)
})

it('the client follows across a cut in a worker of a page', async () => {
  const inWorker = `new Promise((resolve, reject) => {
    const worker = new Worker('/web-worker.js', { type: 'module' })
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage(assignment)
  })`
  const report = await elsewhere.follow((assignment) => inPage(assignment, inWorker))
  expect(report).toEqual(wanted)
})

/** As text: what vitest makes of an import is of no use in a page. */
function inPage(assignment: Assignment, expression: string): Promise<Report> {
  return browser.page.evaluate(`(async () => {
    const assignment = ${JSON.stringify(assignment)}
    const { followToEnd } = await import('/program.js')
    return ${expression}
  })()`)
}
