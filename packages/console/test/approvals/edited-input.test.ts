import { describe, expect, it } from 'vitest'
import { editableOf, inputOf } from '../../src/approvals/edited-input.ts'

describe('an edited call', () => {
  it('of a command the command alone is edited, and the rest stays', () => {
    const input = { command: 'ls', timeout: 5 }
    expect(editableOf(input).text).toBe('ls')
    expect(inputOf(input, 'ls -l')).toEqual({ command: 'ls -l', timeout: 5 })
  })

  it('anything else is edited as JSON, which must be an object', () => {
    const input = { file_path: '/x', content: 'a' }
    expect(JSON.parse(editableOf(input).text)).toEqual(input)
    expect(inputOf(input, '{"file_path": "/y"}')).toEqual({ file_path: '/y' })
    for (const text of ['', '{', '[]', 'null', '"text"']) expect(inputOf(input, text)).toBeNull()
  })
})
