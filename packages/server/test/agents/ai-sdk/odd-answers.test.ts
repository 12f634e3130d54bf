/** Answers that no model gives, and a model server can: each ends in bounded, plain events and a known reason. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { CountingShell, run } from './support/executions.ts'

/** An OpenAI-compatible server whose first answer calls these tools, and whose second says that it is done. */
async function calling(calls: { id: string; name: string; input: unknown }[]) {
  const toolCalls = calls.map(({ id, name, input }, index) => ({
    index,
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(input) },
  }))
  const answers = [
    [{ role: 'assistant', tool_calls: toolCalls }, 'tool_calls'],
    [{ role: 'assistant', content: 'Done.' }, 'stop'],
  ] as const
  const bodies: number[] = []
  const server = createServer((request, response) => {
    const [delta, reason] = answers[Math.min(bodies.length, 1)] ?? answers[1]
    bodies.push(Number(request.headers['content-length']))
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const usage = { prompt_tokens: 10, completion_tokens: 5 }
    for (const choice of [{ delta }, { delta: {}, finish_reason: reason }]) {
      response.write(`data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, ...choice }], usage })}\n\n`)
    }
    response.end('data: [DONE]\n\n')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies }
}

const shellInput = { command: 'git status' }

it.each([
  ['long', 'i'.repeat(1_000_000)],
  ['of several lines', 'a\nb'],
  ['with an escape', 'red\u001b[31m'],
  ['empty of text', ' '],
])(
  'an id of a call that is %s is replaced by a short one, in the events and for the model',
  async (_, id) => {
    const model = await calling([{ id, name: 'shell', input: shellInput }])
    const shell = new CountingShell()
    const { host, end } = await run(model, { format: 'openai-compatible', tools: [shell] })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
    expect(shell.ran).toEqual(['git status'])
    const ids = [...host.of('tool-start'), ...host.of('tool-complete')].map(({ toolCallId }) => toolCallId)
    expect(ids).toHaveLength(2)
    for (const each of ids) expect(each).toMatch(/^[\x21-\x7e]{1,200}$/)
    expect(new Set(ids).size).toBe(1)
    expect(model.bodies[1]).toBeLessThan(10_000)
  },
)

it('the name of a tool that a model invents is bounded, and so is what it reads of it', async () => {
  const model = await calling([{ id: 'c1', name: 'n'.repeat(1_000_000), input: shellInput }])
  const { host, end } = await run(model, { format: 'openai-compatible', tools: [new CountingShell()] })
  expect(end).toMatchObject({ state: 'completed' })
  expect(host.of('tool-start')).toMatchObject([{ toolName: 'n'.repeat(64) }])
  expect(String(host.of('tool-complete')[0]?.result).length).toBeLessThan(3000)
  expect(model.bodies[1]).toBeLessThan(20_000)
})

it('a plan of 10,000 phases is refused in few words, which say what is wrong with it', async () => {
  const phases = Array.from({ length: 10_000 }, (_, index) => ({ name: `Phase ${index}` }))
  const model = await calling([{ id: 'c1', name: 'plan', input: { goal: 'All of it', phases } }])
  const { host, end } = await run(model, { format: 'openai-compatible', tools: [] })
  expect(end).toMatchObject({ state: 'completed' })
  expect(host.of('plan')).toEqual([])
  const [complete] = host.of('tool-complete')
  expect(complete).toMatchObject({ status: 'error', result: expect.stringContaining('<=20 items') })
  expect(String(complete?.result).length).toBeLessThan(3000)
})

it('phases of a plan with the same id, or none of this plan, get ids of their own', async () => {
  const phases = ['phase-1', 'phase-1', '__proto__', 'phase-2'].map((id, at) => ({ id, name: `Phase ${at}` }))
  const model = await calling([{ id: 'c1', name: 'plan', input: { goal: 'All of it', phases } }])
  const { host } = await run(model, { format: 'openai-compatible', tools: [] })
  const ids = host.of('plan')[0]?.phases.map(({ id }) => id)
  expect(ids).toEqual(['phase-1', 'phase-2', 'phase-3', 'phase-4'])
})
