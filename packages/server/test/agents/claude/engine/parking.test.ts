/** Sessions whose process ends while people think about a call, and starts again with their answer. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ScriptedModel } from '@millrace/scripted-model'
import { until } from '@millrace/test-support/until'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RecordingContext } from '#test/agents/claude/support/context'
import {
  openSessions,
  type SessionSettings,
  say,
  serve,
  toolResults,
  use,
} from '#test/agents/claude/support/sessions'

const sessions = openSessions()
const file = (name: string) => join(sessions.project, name)
/** Appends, so that a call that runs twice shows. */
const writing = (name: string) => `python3 -c "open('${name}', 'a').write('x')"`
const never = () => new Promise<never>(() => {})

const parking = (seconds = 0): SessionSettings => ({
  approvals: 'on',
  policy: { unreadableBash: 'ask', parkAfterSeconds: seconds },
})

/** Runs a session whose first call asks people, until it is parked. */
async function park(model: Pick<ScriptedModel, 'url'>, settings = parking()): Promise<RecordingContext> {
  const { context, stop } = sessions.prepare(model, settings)
  context.answer = never
  const { outcome } = await stop()
  expect(outcome).toMatchObject({ state: 'parked', usage: { turns: 1 } })
  return context
}

/** The next attempt of a parked session. */
function wake(model: Pick<ScriptedModel, 'url'>, parked: RecordingContext, settings = parking()) {
  const prepared = sessions.prepare(model, settings)
  const { context } = prepared
  context.transcript.push(...parked.transcript)
  Object.assign(context.run, { id: parked.run.id, attempt: 2 })
  const begun: string[] = []
  const usage = {
    inputTokens: 1,
    outputTokens: 2,
    cacheReadTokens: 3,
    cacheCreationTokens: 4,
    costUsd: 0.5,
    turns: 1,
    byModel: {},
  }
  context.woken = { usage, begins: async () => void begun.push('begins') }
  return { ...prepared, begun }
}

describe('a session whose process ends while people think', () => {
  it('the call of a parked session runs once when people allow it, and the model sees its result', async () => {
    onTestFinished(() => rmSync(file('once.txt'), { force: true }))
    const model = await serve([
      use('Bash', { command: writing('once.txt') }),
      say('done', { toolResult: {} }),
    ])
    const parked = await park(model)
    expect(existsSync(file('once.txt'))).toBe(false)
    expect(parked.questions).toHaveLength(1)
    const { context, run, begun } = wake(model, parked)
    context.answer = async () => {
      expect(begun).toEqual([])
      return { decision: 'allow', by: 'person' }
    }
    const { outcome } = await run()
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'done' } })
    expect(readFileSync(file('once.txt'), 'utf8')).toBe('x')
    expect(context.questions).toEqual(parked.questions)
    expect(begun[0]).toBe('begins')
    expect(toolResults(context)).toMatchObject([{ isError: false }])
    // The prompt was read once, and both attempts count.
    const last = JSON.stringify(model.requests.at(-1)?.body)
    expect(last.split('"Go"')).toHaveLength(2)
    expect(outcome.usage).toMatchObject({ turns: 2, costUsd: 0.5 })
  })

  it('a person who refuses a call of a parked session, or changes it, is obeyed as if the process had waited', async () => {
    const model = await serve([use('Bash', { command: writing('no.txt') }), say('done', { toolResult: {} })])
    const parked = await park(model)
    const refused = wake(model, parked)
    refused.context.answer = async () => ({ decision: 'deny', by: 'person', message: 'not today' })
    await refused.run()
    expect(toolResults(refused.context)[0]?.text).toContain('not today')
    const changed = wake(model, parked)
    changed.context.answer = async () => ({
      decision: 'allow',
      by: 'person',
      updatedInput: { command: 'echo something else' },
    })
    await changed.run()
    expect(toolResults(changed.context)[0]).toMatchObject({ isError: false })
    expect(toolResults(changed.context)[0]?.text).toContain('something else')
    expect(existsSync(file('no.txt'))).toBe(false)
    expect([...refused.begun, ...changed.begun].length).toBeGreaterThanOrEqual(2)
  })

  it('a quick answer keeps the process, and so does an answer of the model with two calls', async () => {
    const command = writing('two.txt')
    onTestFinished(() => rmSync(file('two.txt'), { force: true }))
    const one = { type: 'tool_use' as const, name: 'Bash', input: { command } }
    const model = await serve([
      { when: { turn: 1 }, reply: { content: [one, one] } },
      use('Bash', { command }, { turn: 2 }),
      say('done'),
    ])
    const { context, run } = sessions.prepare(model, parking(1))
    let asked = 0
    context.answer = async () => {
      asked += 1
      // The first two are late: deferring one call of two would lose the other.
      await new Promise((done) => setTimeout(done, asked <= 2 ? 1500 : 10))
      return { decision: 'allow', by: 'person' }
    }
    const { outcome } = await run()
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'done' } })
    expect(readFileSync(file('two.txt'), 'utf8')).toBe('xxx')
    expect(context.questions).toHaveLength(3)
  })

  it('a message that interrupts a parked session starts the next turn, and the call does not run', async () => {
    const model = await serve([
      use('Bash', { command: writing('cut.txt') }, { text: 'Go' }),
      say('something else'),
    ])
    const parked = await park(model)
    const { context, run } = wake(model, parked)
    // As the store answers once the question is withdrawn.
    context.answer = () =>
      new Promise((resolve) => {
        context.onWithdrawn = () => resolve({ decision: 'deny', by: 'withdrawn' })
      })
    const id = context.messages.say('Leave that', 'interrupt')
    const { outcome } = await run()
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'something else' } })
    expect(context.withdrawn).toHaveLength(1)
    expect(context.messages.delivery).toEqual([id])
    expect(existsSync(file('cut.txt'))).toBe(false)
    const last = JSON.stringify(model.requests.at(-1)?.body)
    expect(last).toContain('Leave that')
  })

  it('a kind of call that was allowed for the whole run stays allowed when the session is parked again', async () => {
    onTestFinished(() => rmSync(file('again.txt'), { force: true }))
    const again = { command: writing('again.txt') }
    const other = { command: again.command.replace("'x'", "'y'") }
    const model = await serve([
      ...[again, again, other, again].map((input, index) => use('Bash', input, { turn: index + 1 })),
      say('done'),
    ])
    const second = wake(model, await park(model))
    let asked = 0
    second.context.answer = async () => {
      asked += 1
      return asked === 1 ? { decision: 'allow', by: 'person', scope: 'run' } : never()
    }
    expect((await second.stop()).outcome.state).toBe('parked')
    expect(readFileSync(file('again.txt'), 'utf8')).toBe('xx')
    const third = wake(model, second.context)
    third.context.answer = async () => ({ decision: 'allow', by: 'person' })
    await third.run()
    expect(readFileSync(file('again.txt'), 'utf8')).toBe('xxyx')
    expect(third.context.questions).toHaveLength(1)
  })
})

// A session that resumes and one that forks get the same: the entries of the other transcript.
it('a session that takes up the conversation of a parked one begins with its prompt, and never makes the call that nobody approved', async () => {
  const model = await serve([
    use('Bash', { command: writing('unapproved.txt') }, { text: 'Go' }),
    say('something else'),
  ])
  const parked = await park(model)
  // It must not even ask: an answer to a question of this session is none to that of the other.
  const { context, run } = sessions.prepare(model, { ...parking(), prompt: 'Leave that', resumes: parked })
  context.answer = async () => ({ decision: 'allow', by: 'person' })
  const { outcome } = await run()
  expect(outcome).toMatchObject({ state: 'completed', result: { text: 'something else' } })
  expect(existsSync(file('unapproved.txt'))).toBe(false)
  expect(context.questions).toEqual([])
  expect(JSON.stringify(model.requests.at(-1)?.body)).toContain('Leave that')
})

it('an interrupt of a session that asks people withdraws the question, and the next turn starts', async () => {
  const model = await serve([
    use('Bash', { command: writing('live.txt') }, { text: 'Go' }),
    say('understood'),
  ])
  const { context, run } = sessions.prepare(model, { approvals: 'on', policy: { unreadableBash: 'ask' } })
  context.answer = () =>
    new Promise((resolve) => {
      context.onWithdrawn = () => resolve({ decision: 'deny', by: 'withdrawn' })
    })
  const running = run()
  await until(() => context.questions.length === 1)
  context.messages.say('Leave that', 'interrupt')
  expect((await running).outcome).toMatchObject({ state: 'completed', result: { text: 'understood' } })
  expect(context.withdrawn).toEqual([context.questions[0]?.toolUseId])
  expect(existsSync(file('live.txt'))).toBe(false)
})
