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

  it('a form that a person declines, or that cannot be shown, is declined', async () => {
    const odd = JSON.stringify({ type: 'object', properties: { name: { type: 'object' } } })
    const { context, run } = agents.prepare({ questions: 'on', prompt: `form ${form}\nform ${odd}` })
    context.answer = async () => ({ decision: 'deny', by: 'person' })
    expect((await run()).outcome.state).toBe('completed')
    expect(context.questions).toHaveLength(1)
    expect(saidIn(context)).toEqual(['{"action":"decline"}', '{"action":"decline"}'])
  })

  it('an agent of a session without the option is refused at once', async () => {
    const { context, outcome } = await agents.run({ prompt: `form ${form}` })
    expect(outcome.state).toBe('completed')
    expect(context.questions).toEqual([])
    expect(saidIn(context)).toEqual(['refused: -32601'])
  })
})
