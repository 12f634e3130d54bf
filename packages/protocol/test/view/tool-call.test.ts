import { describe, expect, it } from 'vitest'
import { callInLine } from '#view/index'

describe('callInLine', () => {
  it.each([
    ['the field that says most', { description: 'Runs the tests', command: 'npm test' }, 'T npm test'],
    ['a path inside the folder, relative to it', { file_path: '/srv/shop/src/tax.ts' }, 'T src/tax.ts'],
    [
      'what is asked first',
      { questions: [{ question: 'Which database?' }, { question: 'When?' }] },
      'T Which database?',
    ],
    ['questions of another shape as they are', { questions: [null] }, 'T {"questions":[null]}'],
    ['nothing of an empty input', {}, 'T'],
  ])('a call in one line has %s', (_, input, line) => {
    expect(callInLine('T', input, '/srv/shop')).toBe(line)
  })
})
