import { MillraceError } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { Engines } from '#runners/execution/engines'
import { prepareExecution } from '#runners/execution/prepare'
import { bounds, completed, ScriptedEngine, scriptedExecutions } from './support/rig.ts'

const engine = new ScriptedEngine(async () => completed)
const kind = scriptedExecutions(engine)
const prepare = (asked: Record<string, unknown>) => kind.prepare(asked, 'ada')
const request = { kind: 'execution', project: 'web', task: 'Mend it' }

function refusal(work: () => unknown): MillraceError {
  try {
    work()
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe('a request for an execution', () => {
  it('a legal request becomes the spec of its run as it was made', () => {
    const full = {
      ...request,
      context: { files: ['a'] },
      model: 'scripted:priced',
      limits: { iterations: 20, usd: 0.01 },
      approvals: 'on',
    }
    const { kind: _kind, ...spec } = full
    expect(prepare(full)).toEqual({ project: 'web', spec })
  })

  it.each([
    [{ task: ' ' }, ['task']],
    [{ project: 'nowhere' }, ['project']],
    [{ project: undefined }, ['project']],
    [{ model: 'gpt-9' }, ['model']],
    [{ model: 'scripted:gone' }, ['model']],
    [{ limits: { iterations: 21 } }, ['limits.iterations']],
    [{ limits: { tokens: 1001, seconds: 61 } }, ['limits.tokens', 'limits.seconds']],
    [{ limits: { usd: 1 } }, ['limits.usd']],
    [{ limits: { usd: 0 } }, ['limits.usd']],
    [{ limits: { iterations: 1.5 } }, ['limits.iterations']],
    [{ context: 7 }, ['context']],
    [{ project: 'nowhere', model: 'gpt-9' }, ['project', 'model']],
  ])('%j is refused, naming %j', (change, paths) => {
    const error = refusal(() => prepare({ ...request, ...change }))
    expect([error.code, error.fields?.map(({ path }) => path)]).toEqual(['invalid_request', paths])
  })

  it('the refusal of an unknown model says which there are, that of a project which there are', () => {
    expect(refusal(() => prepare({ ...request, model: 'gpt-9' })).message).toBe(
      'The request is not valid: model: one of claude, scripted:<model>',
    )
    expect(refusal(() => prepare({ ...request, project: undefined })).message).toContain(
      'project: one of web, api',
    )
  })

  it('a bound in dollars of the configuration is named where a model without a price is refused for it', () => {
    const engines = new Engines([{ engine, serves: () => true, models: [], unavailable: null }])
    const projects = new Map([['web', { id: 'web', path: '/made/up/web' }]])
    const parts = { projects, engines, bounds: { ...bounds, usd: 0.5 } }
    const whole = { kind: 'execution', task: 'Mend it', model: 'claude' }
    expect(refusal(() => prepareExecution(whole, parts)).fields).toEqual([
      {
        path: 'model',
        expected:
          'a model that can keep to $0.5 (executions.usd of the configuration). a model whose price is known',
      },
    ])
    const asked = { ...whole, limits: { usd: 0.1 } }
    expect(refusal(() => prepareExecution(asked, parts)).fields).toEqual([
      { path: 'limits.usd', expected: 'a model whose price is known' },
    ])
  })

  it('the refusal of a limit names the key of the configuration that bounds it', () => {
    const error = refusal(() => prepare({ ...request, limits: { iterations: 21 } }))
    expect(error.fields?.[0]?.expected).toBe('at most 20 (executions.iterations of the configuration)')
  })

  it('where there is one project, it is the default', () => {
    const web = { id: 'web', path: '/made/up/web' }
    const engines = new Engines([{ engine, serves: () => true, models: [], unavailable: null }])
    const parts = { projects: new Map([['web', web]]), engines, bounds }
    expect(prepareExecution({ kind: 'execution', task: 'Mend it' }, parts)).toEqual({
      project: 'web',
      spec: { task: 'Mend it', project: 'web' },
    })
  })

  it('a model whose engine is not available is refused with the reason', () => {
    const engines = new Engines([
      { engine, serves: () => true, models: ['claude'], unavailable: 'There is no key' },
    ])
    const parts = { projects: new Map([['web', { id: 'web', path: '/w' }]]), engines, bounds }
    const error = refusal(() => prepareExecution(request, parts))
    expect([error.code, error.message]).toEqual(['agent_unavailable', 'There is no key'])
    expect(engines.noneBecause).toBe('There is no key')
  })
})

describe('the engines of executions', () => {
  const broken = {
    ...engine,
    selfTest: async () => ({ problems: ['It does not start.'], warnings: ['Odd.'] }),
  }
  const offered = (one: { selfTest: ScriptedEngine['selfTest'] }, name: string) => ({
    engine: Object.assign(new ScriptedEngine(async () => completed), one),
    serves: (model: string | undefined) => model === name,
    models: [name],
    unavailable: null,
  })

  it('an engine whose self-test finds a problem is not available; the others are', async () => {
    const engines = new Engines([
      offered(broken, 'one'),
      offered({ selfTest: async () => ({ problems: [], warnings: [] }) }, 'two'),
    ])
    expect(engines.models).toEqual(['one', 'two'])
    expect(await engines.selfTest()).toEqual({ problems: ['It does not start.'], warnings: ['Odd.'] })
    expect([engines.models, engines.noneBecause]).toEqual([['two'], null])
    const one = engines.find('one')
    expect(one && engines.whyNot(one)).toBe('It does not start.')
    expect(engines.find('three')).toBeNull()
  })
})
