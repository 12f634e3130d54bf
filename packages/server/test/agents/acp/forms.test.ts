/** Forms of an agent that speaks ACP: the scripted agent, unmodified SDK on its side, in the real sandbox. */
import { describe, expect, it } from 'vitest'
import { openAgents, saidIn } from './support/agents.ts'

const agents = openAgents()
const form = JSON.stringify({
  type: 'object',
  properties: { name: { type: 'string', title: null }, copies: { type: 'integer', maximum: 3 } },
  required: ['name'],
})

describe('a form of an agent', () => {
  it('people see the form of an agent, and it reads what they filled in', async () => {
    const { context, run } = agents.prepare({ questions: 'on', prompt: `form ${form}` })
    const values = { name: 'Ada', copies: 2 }
    context.answer = async () => ({ decision: 'allow', by: 'person', values })
    expect((await run()).outcome.state).toBe('completed')
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, copies: { type: 'integer', maximum: 3 } },
      required: ['name'],
    }
    expect(context.questions).toEqual([
      {
        toolUseId: 'form-1',
        tool: 'elicitation',
        input: { message: 'Please fill in' },
        reason: 'Please fill in',
        form: { message: 'Please fill in', schema },
      },
    ])
    expect(saidIn(context)).toEqual([JSON.stringify({ action: 'accept', content: values })])
  })

  it('a form that a person declines is declined', async () => {
    const { context, run } = agents.prepare({ questions: 'on', prompt: `form ${form}` })
    context.answer = async () => ({ decision: 'deny', by: 'person' })
    expect((await run()).outcome.state).toBe('completed')
    expect(context.questions).toHaveLength(1)
    expect(saidIn(context)).toEqual(['{"action":"decline"}'])
  })

  it('a form that nobody can be shown or can answer is refused with the reason, and the log has it', async () => {
    const odd = { type: 'object', properties: { name: { type: 'object' } } }
    const impossible = { type: 'object', properties: {}, required: ['name'] }
    const deep = nested(150)
    const prompt = [odd, impossible, deep].map((schema) => `form ${JSON.stringify(schema)}`).join('\n')
    const { context, run } = agents.prepare({ questions: 'on', prompt })
    expect((await run()).outcome.state).toBe('completed')
    expect(context.questions).toEqual([])
    expect(saidIn(context)).toEqual([
      expect.stringMatching(/^refused: -32602 The form cannot be shown: properties.name.type: /),
      'refused: -32602 The form cannot be answered: it requires "name", and has no such field.',
      'refused: -32602 a message may be nested 200 deep, and have 500000 values',
    ])
    expect(context.of('permission:denied')).toMatchObject([
      { toolUseId: 'form-1', tool: 'elicitation', reason: expect.stringContaining('cannot be shown') },
      { toolUseId: 'form-2', tool: 'elicitation', reason: expect.stringContaining('cannot be answered') },
    ])
    expect(context.of('acp:stray_output')).toHaveLength(1)
  })

  it('an agent of a session without the option is refused at once', async () => {
    const { context, outcome } = await agents.run({ prompt: `form ${form}` })
    expect(outcome.state).toBe('completed')
    expect(context.questions).toEqual([])
    expect(saidIn(context)).toEqual([expect.stringMatching(/^refused: -32601/)])
  })
})

/** Each form inside another is two levels of JSON. */
function nested(depth: number): object {
  let schema: object = { type: 'string' }
  for (let level = 0; level < depth; level++) schema = { type: 'object', properties: { a: schema } }
  return schema
}
