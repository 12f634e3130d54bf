/**
 * A producer: it reads the files of this folder, counts their words, and reports each step as the event of an
 * execution. It outlives restarts of the server: a batch that was not acknowledged is sent again under its number, and
 * Millrace takes it once.
 */
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@millrace/client'

const {
  MILLRACE_URL = 'http://127.0.0.1:4000',
  MILLRACE_TOKEN,
  PAGE_URL = 'http://127.0.0.1:5173',
} = process.env
if (!MILLRACE_TOKEN) throw new Error('Give the token of your server in MILLRACE_TOKEN')
const stepMs = Number(process.env.STEP_MS ?? 400)
const rounds = Number(process.env.ROUNDS ?? 3)

const client = createClient({ url: MILLRACE_URL, token: MILLRACE_TOKEN })
const run = await client.start({ kind: 'external', title: 'Count the words of this folder' })
console.log(`${PAGE_URL}/?run=${run.id}`)

/** Posts until it is answered; for as long as the server is away. */
async function post(path: string, body: object): Promise<void> {
  for (;;) {
    try {
      const answer = await fetch(`${MILLRACE_URL}/api/runs/${run.id}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${MILLRACE_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      if (answer.ok) return
      if (answer.status < 500) throw new Error(`${answer.status} ${await answer.text()}`)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
    await sleep(250)
  }
}

let batch = 0
async function say(type: string, data: object): Promise<void> {
  await post('/events', { producer: 'counter', epoch: 0, seq: batch, events: [{ type, data }] })
  batch += 1
}

const phases = [
  { id: 'look', name: 'Look around', status: 'pending' },
  { id: 'read', name: 'Read every file', status: 'pending' },
  { id: 'report', name: 'Report', status: 'pending' },
]
let calls = 0
let iteration = 0

async function phase(index: number, work: () => Promise<void>): Promise<void> {
  const { id: phaseId, name: phaseName } = phases[index] as (typeof phases)[number]
  await say('phase:start', { phaseId, phaseName, phaseIndex: index })
  await work()
  await say('phase:complete', { phaseId, phaseName })
}

async function think(thought: string): Promise<void> {
  iteration += 1
  await say('thinking', { thought, iteration })
  await sleep(stepMs)
}

async function call<T>(toolName: string, params: object, work: () => Promise<T>): Promise<T> {
  calls += 1
  const toolCallId = `call-${calls}`
  const startedAt = Date.now()
  await say('tool:start', { toolName, params, toolCallId })
  const result = await work()
  await sleep(stepMs)
  await say('tool:complete', { toolName, toolCallId, result, duration: Date.now() - startedAt, status: 'ok' })
  return result
}

const folder = new URL('.', import.meta.url)
const startedAt = Date.now()
/** Ctrl-C, and it reports what it has so far. */
let isStopped = false
process.once('SIGINT', () => {
  isStopped = true
})
let names: string[] = []
let words = 0
let counted = 0

await say('execution:started', { task: 'Count the words of this folder', startedAt })
await say('plan:created', { plan: { goal: 'Know how many words this folder has', phases } })
await phase(0, async () => {
  await think('Which files are there?')
  names = await call('list', { pattern: '*' }, async () =>
    (await readdir(folder, { withFileTypes: true })).filter((one) => one.isFile()).map(({ name }) => name),
  )
})
await phase(1, async () => {
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) {
      if (isStopped) return
      await think(`Round ${round}: ${name} is next.`)
      words += await call('count', { file_path: name }, async () => {
        return (await readFile(new URL(name, folder), 'utf8')).split(/\s+/).filter(Boolean).length
      })
      counted += 1
    }
  }
})
await phase(2, async () => {
  const report = `I found ${names.length} files, read ${counted} times, and counted ${words} words.`
  for (const text of report.split(/(?<= )/)) await say('text:delta', { messageId: 'report', text })
})
const result = { files: names.length, readings: counted, words }
await post('/finish', { state: 'completed', result, duration: Date.now() - startedAt })
