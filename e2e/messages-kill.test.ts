/**
 * Messages to a session whose server is killed (`kill -9`) at random moments: each that was accepted is in the
 * conversation once, with its attachment, in this run or in one that resumes it, or is visibly undelivered. The moments come from a seed
 * that a failure prints.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFinal, type Message, type MessageMode, type Run } from '@millrace/protocol'
import { type AgentPlace, agentPlace } from '@millrace/test-support/agents'
import { post, type ServerProcess } from '@millrace/test-support/server'
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest'
import { seededRandom } from './support/random.ts'

const cycles = process.env.MILLRACE_TEST_FULL ? 50 : 2
const modes: readonly MessageMode[] = ['queue', 'steer', 'interrupt']

let place: AgentPlace
beforeAll(async () => {
  // Every turn has a tool, so that a steer has a boundary to join at and an interrupt something to cut.
  const use = { type: 'tool_use' as const, name: 'Bash', input: { command: 'sleep 0.4; echo done' } }
  const steps = [
    { when: { toolResult: {} }, reply: { content: [{ type: 'text' as const, text: 'done' }] } },
    { reply: { content: [use] } },
  ]
  place = await agentPlace({ script: { name: 'works a little', steps } })
})
afterAll(() => place.dispose())

interface Sent {
  /** In the text of the message. */
  mark: string
  /** In its attachment. */
  fileMark: string
  id: string | null
}

it(`each message is read once, with its attachment, over ${cycles} kills of the server`, {
  timeout: cycles * 90_000,
}, async () => {
  const random = seededRandom()
  onTestFailed(() => console.error(`MILLRACE_TEST_SEED=${random.seed}`))
  let server = await place.start()
  let read = 0
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const { run } = await server.json<{ run: Run }>(
      '/api/runs',
      post({ kind: 'session', project: 'web', prompt: `Go ${cycle}` }),
    )
    // Before that, nothing is kept that could be resumed.
    while (!(await logOf(server, run.id)).some(({ type }) => type === 'assistant')) await sleep(50)
    const sent: Sent[] = []
    const killAt = Date.now() + random.between(100, 4000)
    while (Date.now() < killAt) {
      const said = await say(server, run.id, modes[random.between(0, 2)] ?? 'queue')
      if (said === 'over') break
      sent.push(said)
      await sleep(Math.min(random.between(0, 900), Math.max(0, killAt - Date.now())))
    }
    await server.end('SIGKILL')
    server = await place.start()
    read += await expectReadOnce(server, run.id, sent)
  }
  expect(read).toBeGreaterThan(0)
  expect(await server.end()).toBe(0)
})

async function say(server: ServerProcess, runId: string, mode: MessageMode): Promise<Sent | 'over'> {
  const [mark, fileMark] = [`MARK-${randomUUID()}`, `FILE-${randomUUID()}`]
  const data = Buffer.from(`${fileMark} ${'x'.repeat(100_000)}`).toString('base64')
  const attachments = [{ name: 'note.txt', mediaType: 'text/plain', data }]
  const answer = await server.call(`/api/runs/${runId}/messages`, post({ text: mark, mode, attachments }))
  if (answer.status === 409) return 'over'
  expect(answer.status).toBe(202)
  return { mark, fileMark, id: ((await answer.json()) as { messageId: string }).messageId }
}

/** Resumes the run until it completes, and looks for its messages in the conversation. Returns how many are there. */
async function expectReadOnce(server: ServerProcess, first: string, sent: readonly Sent[]): Promise<number> {
  const chain = [await ended(server, first)]
  for (;;) {
    const last = chain.at(-1)
    if (last === undefined || last.state === 'completed') break
    const answer = await server.call(`/api/runs/${last.id}/resume`, post({}))
    if (answer.status === 409) break
    expect(answer.status).toBe(201)
    chain.push(await ended(server, ((await answer.json()) as { run: Run }).run.id))
  }
  const last = chain.at(-1)
  const events = (await Promise.all(chain.map(({ id }) => logOf(server, id)))).flat()
  const delivered = events
    .filter(({ type }) => type === 'message:delivered')
    .map(({ data }) => data.messageId)
  const { messages } = await server.json<{ messages: Message[] }>(`/api/runs/${last?.id}/messages`)
  const undelivered = messages.map(({ id }) => id)
  const conversation = lastConversation(first)
  for (const { mark, fileMark, id } of sent) {
    const times = delivered.filter((one) => one === id).length
    for (const written of [mark, fileMark]) {
      expect(conversation.split(written).length - 1, `${written} in the conversation`).toBe(times)
    }
    expect(times + undelivered.filter((one) => one === id).length, `${mark} is accounted for`).toBe(1)
  }
  if (last?.state === 'completed') expect(undelivered).toEqual([])
  return delivered.length
}

/** What the model was sent last of the conversation, whose prompt names the cycle. */
function lastConversation(runId: string): string {
  const bodies = place.model.requests
    .filter(({ path }) => path === '/v1/messages')
    .map(({ body }) => body as { messages: unknown; metadata?: { user_id?: string } })
    .filter(({ metadata }) => metadata?.user_id?.includes(runId))
  return JSON.stringify(bodies.at(-1)?.messages ?? '')
}

async function ended(server: ServerProcess, id: string): Promise<Run> {
  for (;;) {
    const { run } = await server.json<{ run: Run }>(`/api/runs/${id}`)
    if (isFinal(run.state)) return run
    await sleep(100)
  }
}

async function logOf(server: ServerProcess, id: string) {
  const page = await server.json<{ events: { type: string; data: { messageId?: string } }[] }>(
    `/api/runs/${id}/events?limit=10000`,
    { headers: { accept: 'application/json' } },
  )
  return page.events
}
