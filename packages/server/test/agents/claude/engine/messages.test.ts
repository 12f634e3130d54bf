/** Messages to a real agent process: what starts a turn, joins one, or cuts one, and what the model then sees. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Step } from '@millrace/scripted-model'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import type { RecordingContext } from '../support/context.ts'
import { openSessions, say, serve, toolResults, use } from '../support/sessions.ts'

const sessions = openSessions()

/** Far longer than any test, and nothing that the agent's program refuses to run. */
const longCommand =
  'echo begun > begun.txt; python3 -c "import time; time.sleep(600)"; echo never > never.txt'

const results = (context: RecordingContext) =>
  context.of('result').map(({ subtype, result }) => [subtype, result])

/** The texts of all messages of people in the last request that the model got. */
function saidToModel(requests: readonly { path: string; body: unknown }[]): string {
  const last = requests.filter(({ path }) => path === '/v1/messages').at(-1)
  return JSON.stringify((last?.body as { messages: unknown[] } | undefined)?.messages ?? [])
}

describe('a message to a session', () => {
  it('messages queued during the first turn start turns of their own, in order, in one process', async () => {
    const model = await serve([
      use('Bash', { command: 'sleep 0.5; echo one' }, { text: 'Go' }),
      say('first done', { toolResult: { text: 'one' } }),
      say('second done', { text: 'then this' }),
      say('third done', { text: 'and this' }),
    ])
    const { context, run } = sessions.prepare(model)
    const sent: string[] = []
    context.onEvent = ({ type }) => {
      if (type === 'assistant' && sent.length === 0) {
        sent.push(context.messages.say('then this'), context.messages.say('and this'))
      }
    }
    const { outcome } = await run()
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'third done' } })
    expect(results(context)).toEqual([
      ['success', 'first done'],
      ['success', 'second done'],
      ['success', 'third done'],
    ])
    expect(context.messages.delivery).toEqual(sent)
    expect(context.messages.sealed).toBe(true)
  })

  it('the model is given the images, documents and texts that a message brings along', async () => {
    const model = await serve([say('first', { text: 'Go' }), say('seen', {})])
    const { context, run } = sessions.prepare(model)
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    const pixel =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='
    let id = ''
    context.onEvent = ({ type }) => {
      if (type !== 'assistant' || id !== '') return
      id = context.messages.say('Look', 'queue', [
        { name: 'pixel.png', mediaType: 'image/png', data: pixel },
        { name: 'a.csv', mediaType: 'text/csv', data: base64('a;ü') },
        { name: 'b.pdf', mediaType: 'application/pdf', data: base64('%PDF-1.4 made up') },
      ])
    }
    const { outcome } = await run()
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'seen' } })
    expect(context.messages.delivery).toEqual([id])
    const said = JSON.parse(saidToModel(model.requests)) as { content: { type: string }[] }[]
    expect(said.flatMap(({ content }) => content)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'text', text: 'Look' }),
        expect.objectContaining({
          type: 'image',
          source: { type: 'base64', media_type: 'image/png', data: pixel },
        }),
        expect.objectContaining({ type: 'text', text: 'The file "a.csv":\n\na;ü' }),
        expect.objectContaining({ type: 'document' }),
      ]),
    )
  })

  it('a steer joins the running turn: the model sees it with the result of the tool', async () => {
    const model = await serve([
      use('Bash', { command: 'sleep 1; echo one' }, { text: 'Go' }),
      say('steered', { turn: 2 }),
    ])
    const { context, run } = sessions.prepare(model)
    let id = ''
    context.onEvent = ({ type }) => {
      if (type === 'assistant' && id === '') id = context.messages.say('Mind the gap', 'steer')
    }
    const { outcome } = await run()
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'steered' } })
    expect(saidToModel(model.requests)).toContain('Mind the gap')
    expect(results(context)).toHaveLength(1)
    expect(context.messages.delivery).toEqual([id])
  })

  it('a steer that finds no tool to follow starts the next turn, before what was queued', async () => {
    const model = await serve([
      { when: { text: 'Go' }, reply: { content: [{ type: 'text', text: 'first', hold: 'answer' }] } },
      say('steered', { text: 'Mind the gap' }),
      say('queued', { text: 'later' }),
    ])
    const { context, run } = sessions.prepare(model)
    const running = run()
    await model.reached('answer')
    const queued = context.messages.say('later')
    const steer = context.messages.say('Mind the gap', 'steer')
    model.release('answer', 100)
    await running
    expect(results(context).map(([, text]) => text)).toEqual(['first', 'steered', 'queued'])
    expect(context.messages.delivery).toEqual([steer, queued])
  })

  it('an interrupt kills a tool of ten minutes at once, and the next turn knows what was done', async () => {
    const steps: Step[] = [
      use('Bash', { command: 'echo kept > kept.txt; echo done so far' }, { text: 'Go' }),
      use('Bash', { command: longCommand }, { toolResult: { text: 'done so far' } }),
      // The model sees the cut call and the message together.
      say('understood', { turn: 3 }),
    ]
    const model = await serve(steps)
    const { context, run } = sessions.prepare(model)
    const running = run()
    const calls = () =>
      context.of('assistant').filter((message) => JSON.stringify(message).includes('tool_use'))
    await until(() => calls().length === 2)
    await until(() => existsSync(join(sessions.project, 'begun.txt')))
    const at = performance.now()
    const id = context.messages.say('Stop that', 'interrupt')
    await until(() => toolResults(context).length === 2)
    // On a machine without other work it is less than two seconds.
    expect(performance.now() - at).toBeLessThan(30_000)
    const { outcome } = await running
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'understood' } })
    expect(results(context).map(([subtype]) => subtype)).toEqual(['error_during_execution', 'success'])
    expect(saidToModel(model.requests)).toContain('done so far')
    expect(context.messages.delivery).toEqual([id])
  })

  it('an interrupt cuts an answer that the model is writing', async () => {
    const model = await serve([
      { times: 1, reply: { content: [{ type: 'text', text: 'a long story', hold: 'never' }] } },
      say('short', { text: 'Keep it short' }),
    ])
    const { context, run } = sessions.prepare(model)
    const running = run()
    await model.reached('never')
    context.messages.say('Keep it short', 'interrupt')
    const { outcome } = await running
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'short' } })
  })

  // Failed before: the process read the interrupt before it began the turn, which nothing cut.
  it('an interrupt that arrives before the first turn cuts it', async () => {
    const model = await serve([
      say('short', { text: 'Keep it short' }),
      // The turn may be cut before the model is asked.
      { reply: { content: [{ type: 'text', text: 'a long story', hold: 'never' }] } },
    ])
    const { context, run } = sessions.prepare(model)
    const id = context.messages.say('Keep it short', 'interrupt')
    const { outcome } = await run()
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'short' } })
    expect(context.messages.delivery).toEqual([id])
  })
})

describe('an interactive session', () => {
  it('an interactive session waits in its process between turns, and ends when it is finished', async () => {
    const model = await serve([say('hello', { text: 'Go' }), say('well', { text: 'How are you?' })])
    const { context, run } = sessions.prepare(model, { interactive: true })
    const running = run()
    await until(() => context.of('session:idle').length === 1)
    const { process } = context
    context.messages.say('How are you?')
    await until(() => context.of('session:idle').length === 2)
    context.messages.finish()
    const { outcome } = await running
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'well' } })
    expect(results(context).map(([, text]) => text)).toEqual(['hello', 'well'])
    expect(context.process).toEqual(process)
  })

  it('an interactive session that waits is aborted like any other', async () => {
    const model = await serve([say('hello', { text: 'Go' })])
    const { context, run } = sessions.prepare(model, { interactive: true })
    const running = run()
    await until(() => context.of('session:idle').length === 1)
    context.end()
    expect((await running).outcome).toMatchObject({ state: 'errored', data: { reason: 'aborted' } })
  })
})

it('a session that resumes another does not repeat a message that is in its conversation', async () => {
  const model = await serve([say('first', { text: 'Go' }), say('second', { text: 'then this' }), say('on')])
  const first = sessions.prepare(model)
  const id = first.context.messages.say('then this')
  await first.run()
  const second = sessions.prepare(model, { prompt: 'Continue', resumes: first.context })
  // As after a crash between the entry of the transcript and the mark of the message.
  second.context.messages.messages.push({
    id,
    text: 'then this',
    mode: 'queue',
    user: 'ann',
    at: 0,
    state: 'waiting',
  })
  await second.run()
  expect(second.context.messages.delivery).toEqual([id])
  expect(results(second.context)).toHaveLength(1)
  expect(saidToModel(model.requests).split('then this')).toHaveLength(2)
})
