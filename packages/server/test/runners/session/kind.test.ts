import type { Run } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import type { SelfTest } from '#runners/kind'
import type { RunContext, Runner } from '#runners/runner'
import { sessionKind } from '#runners/session/kind'

const outcome = { state: 'completed' as const, data: {}, result: null, error: null, usage: null }

function kind(found: Promise<SelfTest>, unavailable: string | null = null, others: string[] = []) {
  const began: string[] = []
  const runner: Runner = {
    kind: 'session',
    run: async ({ run }) => {
      began.push(run.id)
      return outcome
    },
    endedData: () => ({}),
  }
  let tests = 0
  const selfTest = () => {
    tests += 1
    return found
  }
  const config = {
    projects: new Map([['web', { id: 'web', path: '/' }]]),
    concurrency: { job: 1, session: 3, execution: 1 },
  }
  return { made: sessionKind({ config, runner, others, unavailable, selfTest }), began, tests: () => tests }
}

const nothing: SelfTest = { problems: [], warnings: [] }
const context = { run: { id: 'r1', spec: {} } } as unknown as RunContext

describe('the kind session', () => {
  it('no session starts an agent before the self-test has ended', async () => {
    const found = Promise.withResolvers<SelfTest>()
    const { made, began } = kind(found.promise)
    expect(made.availability()).toEqual({ available: true })
    const running = made.runner.run(context)
    await new Promise((resolve) => setImmediate(resolve))
    expect(began).toEqual([])
    found.resolve(nothing)
    await running
    expect(began).toEqual(['r1'])
  })

  it('sessions are unavailable, and start no agent, once the self-test has found problems', async () => {
    const { made, began } = kind(Promise.resolve({ problems: ['One.', 'Two.'], warnings: [] }))
    await expect(made.runner.run(context)).rejects.toMatchObject({ code: 'agent_unavailable' })
    expect(began).toEqual([])
    expect(made.availability()).toEqual({ available: false, reason: 'One.; Two.' })
  })

  it('the self-test runs once, however often its result is requested', async () => {
    const { made, tests } = kind(Promise.resolve(nothing))
    await Promise.all([made.selfTest(), made.selfTest(), made.runner.run(context)])
    expect(tests()).toBe(1)
  })

  it('no self-test runs where sessions are known to be unavailable', async () => {
    const { made, tests } = kind(Promise.resolve(nothing), 'There is no model.')
    expect(await made.selfTest()).toEqual({ problems: ['There is no model.'], warnings: [] })
    expect(made.availability()).toEqual({ available: false, reason: 'There is no model.' })
    expect(tests()).toBe(0)
  })

  it('sessions of other agents start without the built-in one, whose own are refused', async () => {
    const { made, began, tests } = kind(Promise.resolve(nothing), 'There is no model.', ['other'])
    const request = { kind: 'session', project: 'web', prompt: 'Go' }
    expect(made.availability()).toEqual({ available: true })
    expect((await made.prepare({ ...request, agent: 'other' }, 'ada')).spec).toEqual({
      project: 'web',
      prompt: 'Go',
      agent: 'other',
    })
    for (const agent of [undefined, 'claude'])
      expect(() => made.prepare({ ...request, agent }, 'ada')).toThrow('There is no model.')
    expect(() => made.prepare({ ...request, agent: 'others' }, 'ada')).toThrow(
      'one of the agents claude, other',
    )
    await made.runner.run({ run: { id: 'r2', spec: { agent: 'other' } } } as unknown as RunContext)
    expect([began, tests()]).toEqual([['r2'], 0])
    expect(await made.selfTest()).toEqual(nothing)
  })

  it('a session is resumed with its spec and the given prompt, or with a sentence that fits how it ended', () => {
    const { resumable } = kind(Promise.resolve(nothing)).made
    const run = { kind: 'session', state: 'completed', spec: { project: 'web', prompt: 'one', model: 'm' } }
    const request = (state: Run['state'], prompt?: string) =>
      resumable?.request({ ...run, state } as unknown as Run, prompt)
    expect(request('completed', 'two')).toEqual({
      kind: 'session',
      project: 'web',
      prompt: 'two',
      model: 'm',
    })
    expect(request('completed')?.prompt).toMatch(/^Review what has already been done/)
    expect(request('aborted')?.prompt).toMatch(/^You were interrupted/)
  })
})
