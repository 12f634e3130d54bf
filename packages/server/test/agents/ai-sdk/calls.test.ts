import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { CallEnd } from '#agents/tools/tool'
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

describe.each(formats)('with the provider package of %s a call', (format) => {
  it('gets an id of its own where the provider repeats its ids', async () => {
    const model = await serve([
      reply({ turn: 1 }, [use('shell', { command: 'git status' }, 'call_0')]),
      reply({ turn: 2 }, [
        use('shell', { command: 'git log' }, 'call_0'),
        use('shell', { command: 'git diff' }, 'call_1'),
      ]),
      reply({ turn: 3, toolResult: { text: 'ran git diff' } }, [say('Done.')]),
    ])
    const { host, end } = await run(model, { format, tools: [new CountingShell()] })
    expect(end).toMatchObject({ state: 'completed' })
    expect(host.of('tool-start').map(({ toolCallId }) => toolCallId)).toEqual([
      'call_0',
      'call_0-2',
      'call_1',
    ])
    expect(host.of('tool-complete').map(({ toolCallId, result }) => [toolCallId, result])).toEqual([
      ['call_0', 'ran git status'],
      ['call_0-2', 'ran git log'],
      ['call_1', 'ran git diff'],
    ])
  })

  it('of an unknown tool, or with an input that does not fit, is an error that the model reads', async () => {
    const model = await serve([
      reply({ turn: 1 }, [use('teleport', { to: 'Mars' }), use('shell', { cmd: 'git status' })]),
      reply({ turn: 2, toolResult: { tool: 'teleport', text: 'teleport' } }, [
        use('phase', { phaseId: 'x', status: 'active' }),
        use('plan', { goal: 'Go' }),
      ]),
      reply({ turn: 3, toolResult: { tool: 'phase', text: 'call `plan` first' } }, [say('Done.')]),
    ])
    const shell = new CountingShell()
    const { host, end } = await run(model, { format, tools: [shell] })
    expect(end).toMatchObject({ state: 'completed' })
    expect(shell.ran).toEqual([])
    expect(host.of('tool-complete').map(({ status }) => status)).toEqual(['error', 'error', 'error'])
    expect(host.of('plan')).toEqual([])
  })
})

describe('a call', () => {
  const asking = reply({ turn: 1 }, [
    use('shell', { command: 'eval "$(cat x)"' }),
    use('shell', { command: 'eval "$(cat y)"' }),
  ])

  it('waits for the people it needs, beside others that wait', async () => {
    const model = await serve([asking, reply({ turn: 2 }, [say('Done.')])])
    const host = new RecordingHost(project, 'on')
    const answers: ((allow: boolean) => void)[] = []
    host.answer = () =>
      new Promise((resolve) =>
        answers.push((allow) =>
          resolve({ decision: allow ? 'allow' : 'deny', by: 'person', message: 'not that one' }),
        ),
      )
    const shell = new CountingShell()
    const { agent } = await start(model, { host, tools: [shell] })
    await expect.poll(() => answers.length).toBe(2)
    expect(shell.ran).toEqual([])
    answers[1]?.(true)
    await expect.poll(() => shell.ran).toEqual(['eval "$(cat y)"'])
    answers[0]?.(false)
    expect(await agent.ended).toMatchObject({ state: 'completed' })
    expect(host.of('tool-complete')).toMatchObject([
      { status: 'ok' },
      { status: 'denied', result: expect.stringContaining('not that one') },
    ])
    expect(host.questions.map(({ toolUseId }) => toolUseId)).toEqual(
      host.of('tool-start').map(({ toolCallId }) => toolCallId),
    )
  })

  it('whose tool throws is an error, and the execution continues', async () => {
    const model = await serve([
      reply({ turn: 1 }, [use('shell', { command: 'git status' })]),
      reply({ turn: 2, toolResult: { text: 'out of luck' } }, [say('Done.')]),
    ])
    const shell = new CountingShell()
    // biome-ignore lint/correctness/useYield: a tool that fails before it says anything
    shell.behave = async function* () {
      throw new Error('out of luck')
    }
    const { end, host } = await run(model, { tools: [shell] })
    expect(end).toMatchObject({ state: 'completed' })
    expect(host.of('tool-complete')).toMatchObject([
      { status: 'error', result: 'The tool failed: out of luck' },
    ])
  })

  it('runs beside at most seven others', async () => {
    const commands = Array.from({ length: 20 }, (_, at) => `git log -${at}`)
    const model = await serve([
      reply(
        { turn: 1 },
        commands.map((command) => use('shell', { command })),
      ),
      reply({ turn: 2 }, [say('Done.')]),
    ])
    let running = 0
    let most = 0
    const shell = new CountingShell()
    shell.behave = async function* (command) {
      running += 1
      most = Math.max(most, running)
      for (let turn = 0; turn < 20; turn += 1) await nextTurn()
      running -= 1
      yield ''
      return { ok: true, text: command }
    }
    const { end } = await run(model, { tools: [shell] })
    expect(end).toMatchObject({ state: 'completed' })
    expect(shell.ran.toSorted()).toEqual(commands.toSorted())
    expect(most).toBe(8)
  })
})

describe('a cancelled execution', () => {
  it('ends the request to the model, and reports nothing afterwards', async () => {
    const model = await serve([reply({}, [{ type: 'text', text: ['a', 'b'], hold: 'gate' }])])
    const { agent, host } = await start(model)
    await model.reached('gate')
    agent.cancel(1000)
    expect(await agent.ended).toMatchObject({ state: 'errored', reason: 'cancelled' })
    const { length } = host.moves
    model.release('gate', Number.POSITIVE_INFINITY)
    await nextTurn()
    expect(host.moves).toHaveLength(length)
  })

  it('has ended only when its tools have, which learn how fast to end, and stores no result of them', async () => {
    const model = await serve([
      reply({}, [use('shell', { command: 'git status' }), use('shell', { command: 'git log' })]),
    ])
    const shell = new CountingShell()
    const left = Promise.withResolvers<void>()
    const reasons: unknown[] = []
    let inside = 0
    shell.behave = async function* (_command, { signal }) {
      inside += 1
      yield 'begun'
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      reasons.push(signal.reason)
      await left.promise
      inside -= 1
      return { ok: false, text: 'ended' }
    }
    const { agent, host } = await start(model, { tools: [shell] })
    await expect.poll(() => inside).toBe(2)
    let ended = false
    void agent.ended.then(() => {
      ended = true
    })
    agent.cancel(700)
    await nextTurn()
    expect(ended).toBe(false)
    expect(reasons).toEqual([new CallEnd(700), new CallEnd(700)])
    expect(reasons).toMatchObject([{ graceMs: 700 }, { graceMs: 700 }])
    left.resolve()
    expect(await agent.ended).toMatchObject({ reason: 'cancelled' })
    expect(inside).toBe(0)
    expect(host.of('tool-complete')).toEqual([])
    expect(host.transcript.filter(({ json }) => json.startsWith('{"type":"result"'))).toEqual([])
  })

  it('asks people no longer', async () => {
    const model = await serve([reply({}, [use('shell', { command: 'eval "$(cat x)"' })])])
    const host = new RecordingHost(project, 'on')
    const asked = Promise.withResolvers<void>()
    const withdraw = Promise.withResolvers<never>()
    host.answer = () => {
      asked.resolve()
      return withdraw.promise
    }
    const { agent } = await start(model, { host, tools: [new CountingShell()] })
    await asked.promise
    agent.cancel(0)
    withdraw.reject(new Error('the run is ending'))
    expect(await agent.ended).toMatchObject({ reason: 'cancelled' })
    expect(host.of('tool-complete')).toEqual([])
  })
})
