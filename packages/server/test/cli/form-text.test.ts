import { describe, expect, it } from 'vitest'
import { formText } from '#cli/show/form-text'

describe('a form on a terminal', () => {
  it('a form shows each field with its choices, and a command that answers it', () => {
    const text = formText('run', 'approval', {
      message: "What's next?",
      schema: {
        type: 'object',
        properties: {
          place: {
            type: 'string',
            title: 'Place',
            oneOf: [{ const: "Ada's", description: 'Near' }],
            other: true,
          },
          copies: { type: 'integer', minimum: 1 },
          extras: { type: 'array', items: { enum: ['a', 'b'] } },
          sure: { type: 'boolean' },
        },
        required: ['place'],
      },
    })
    expect(text.split('\n')).toEqual([
      "? asks: What's next?",
      '  place Place',
      "    - Ada's: Near",
      '    - or anything else',
      '  copies (optional)',
      '  extras (optional)',
      '    - a',
      '    - b',
      '  sure (optional)',
      `  millrace approve run approval --values '{"place":"Ada'\\''s","copies":1,"extras":["a"],"sure":true}'`,
      '  millrace deny run approval',
    ])
  })

  it('what an agent writes into a form cannot control the terminal', () => {
    const schema = { type: 'object', properties: { a: { type: 'string', title: '\u001b[2J' } } } as const
    expect(formText('run', 'approval', { message: '\u001b]0;x\u0007', schema })).not.toContain('\u001b')
  })
})
