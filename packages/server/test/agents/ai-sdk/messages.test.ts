/** Messages to an execution on a model of the AI SDK: at its step boundaries, and in the middle of them. */
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import {
  CountingShell,
  formats,
  project,
  RecordingHost,
  reply,
  run,
  say,
  serve,
  start,
  use,
} from './support/executions.ts'

/** What the model got last. */
function lastRequest(model: { requests: readonly { body: unknown }[] }): string {
  return JSON.stringify(model.requests.at(-1)?.body)
}

/** A shell whose commands run until they are ended. */
function endless(): CountingShell {
  const shell = new CountingShell()
  shell.behave = async function* (_command, { signal }) {
    yield 'working\n'
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    return { ok: false, text: 'killed' }
  }
  return shell
}

describe.each(formats)('with the provider package of %s', (format) => {
  it('a steer joins between two steps, and a queued message starts the next turn', async () => {
    const model = await serve([
      reply({ turn: 1 }, [use('shell', { command: 'git status' })]),
      reply({ turn: 2 }, [say('Steered.')]),
      reply({ turn: 3 }, [say('All done.')]),
    ])
    const { host, agent } = await start(model, { format, tools: [new CountingShell()] })
    const queued = host.messages.say('And then this')
    const steer = host.messages.say('Mind the gap', 'steer')
    expect(await agent.ended).toMatchObject({ state: 'completed', result: { text: 'All done.' } })
    expect(host.messages.delivery).toEqual([steer, queued])
    expect(JSON.stringify(model.requests[1]?.body)).toContain('Mind the gap')
    expect(JSON.stringify(model.requests[1]?.body)).not.toContain('And then this')
    expect(lastRequest(model)).toContain('And then this')
    for (const { entries, delivered } of host.commits) {
      const stored = entries
        .filter(({ json }) => json.includes('"from"'))
        .map(({ json }) => JSON.parse(json).from)
      expect(stored, 'a message is stored in the commit that delivers it').toEqual(delivered)
    }
  })

  it('an interrupt ends running calls, answers those not begun, and the model learns what was done', async () => {
    const calls = Array.from({ length: 9 }, (_, n) => use('shell', { command: `git log -${n + 1}` }))
    const model = await serve([
      reply({ turn: 1 }, [use('shell', { command: 'git status' })]),
      reply({ turn: 2 }, calls),
      reply({ turn: 3 }, [say('Understood.')]),
    ])
    const shell = endless()
    const { behave } = shell
    const quick = new CountingShell().behave
    shell.behave = (command, context) => (command === 'git status' ? quick : behave)(command, context)
    const { host, agent } = await start(model, { format, tools: [shell] })
    await until(() => shell.ran.length === 9)
    const id = host.messages.say('Stop that', 'interrupt')
    expect(await agent.ended).toMatchObject({ state: 'completed', result: { text: 'Understood.' } })
    expect(shell.ran).toHaveLength(9)
    const ends = host.of('tool-complete').map(({ status }) => status)
    expect(ends).toEqual(['ok', ...Array.from({ length: 9 }, () => 'cancelled')])
    expect(host.messages.delivery).toEqual([id])
    const sent = lastRequest(model)
    expect(sent).toContain('ran git status')
    expect(sent).toContain('This call was interrupted by the user')
    expect(sent).toContain('This call was not begun')
    expect(sent).toContain('Stop that')
  })
})

it('an interrupt cuts an answer that the model is writing', async () => {
  const model = await serve([
    { times: 1, reply: { content: [{ type: 'text', text: 'A long story', hold: 'never' }] } },
    reply({}, [say('Short.')]),
  ])
  const { host, agent } = await start(model)
  await model.reached('never')
  host.messages.say('Keep it short', 'interrupt')
  expect(await agent.ended).toMatchObject({ state: 'completed', result: { text: 'Short.' } })
  expect(lastRequest(model)).toContain('Keep it short')
})

it('an interrupt that arrives before the first turn cuts it, and the model reads both at once', async () => {
  const model = await serve([reply({}, [say('Understood.')])])
  const host = new RecordingHost(project)
  host.messages.say('Wait, do another thing', 'interrupt')
  const { agent } = await start(model, { host })
  expect(await agent.ended).toMatchObject({ state: 'completed', result: { text: 'Understood.' } })
  expect(model.requests).toHaveLength(1)
  expect(lastRequest(model)).toContain('Do it.')
  expect(lastRequest(model)).toContain('do another thing')
})

it('an interrupt that arrives while the message before it is taken in cuts the turn of that message', async () => {
  const model = await serve([reply({}, [say('Understood.')])])
  const { host, agent } = await start(model)
  host.messages.say('Do the second part')
  host.messages.onDelivered = () => {
    host.messages.onDelivered = () => {}
    host.messages.say('No, the third', 'interrupt')
  }
  expect(await agent.ended).toMatchObject({ state: 'completed' })
  const asked = model.requests.map(({ body }) => JSON.stringify(body))
  expect(asked).toHaveLength(2)
  expect(asked[1]).toMatch(/second part.*the third/)
})

it('an interrupt ends a subtask with all its calls, and the execution continues', async () => {
  const model = await serve([
    reply({ prompt: 'Do it.', turn: 1 }, [use('task', { title: 'Part', prompt: 'Do the part.' })]),
    reply({ prompt: 'Do the part.' }, [use('shell', { command: 'git log' })]),
    reply({}, [say('Understood.')]),
  ])
  const shell = endless()
  const { host, agent } = await start(model, { tools: [shell] })
  await until(() => shell.ran.length === 1)
  host.messages.say('Stop that', 'interrupt')
  expect(await agent.ended).toMatchObject({ state: 'completed', result: { text: 'Understood.' } })
  expect(host.of('tool-complete').filter(({ status }) => status !== 'ok')).toHaveLength(2)
})

it('an interrupt does not wait for people who are asked about a call', async () => {
  const model = await serve([
    reply({ turn: 1 }, [use('shell', { command: 'git push' })]),
    reply({}, [say('Understood.')]),
  ])
  const shell = new CountingShell()
  const { host, agent } = await start(model, { tools: [shell], approvals: 'on' })
  host.answer = () => new Promise(() => {})
  await until(() => host.questions.length === 1)
  host.messages.say('Leave it', 'interrupt')
  expect(await agent.ended).toMatchObject({ state: 'completed', result: { text: 'Understood.' } })
  expect(shell.ran).toEqual([])
  expect(lastRequest(model), 'the model learns that nothing happened').toContain('This call was not begun')
})

// Failed before: the calls that waited for the policy were asked about after the turn was cut, and the questions stayed open.
it('an interrupt while many calls wait for the policy leaves no question about any of them', async () => {
  const calls = Array.from({ length: 8 }, (_, n) => use('shell', { command: `git push origin branch-${n}` }))
  const model = await serve([reply({ turn: 1 }, calls), reply({}, [say('Understood.')])])
  const { host, agent } = await start(model, { tools: [new CountingShell()], approvals: 'on' })
  host.answer = () => {
    if (host.questions.length === 1) host.messages.say('Leave it', 'interrupt')
    return new Promise(() => {})
  }
  expect(await agent.ended).toMatchObject({ state: 'completed', result: { text: 'Understood.' } })
  expect(host.questions).toHaveLength(1)
  expect(host.withdrawn).toContain(host.questions[0]?.toolUseId)
})

it('a message stays in the conversation that a later execution resumes', async () => {
  const model = await serve([reply({ turn: 1 }, [say('First.')]), reply({}, [say('Second.')])])
  const { host, agent } = await start(model)
  host.messages.say('Remember the number 7')
  await agent.ended
  await run(model, { resumes: host.transcript, prompt: 'Continue' })
  expect(lastRequest(model).split('Remember the number 7')).toHaveLength(2)
})
