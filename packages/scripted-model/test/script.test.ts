import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { demoScript, loadScript, parseScript, ScriptError } from '#index'

const fine = { reply: { content: [{ type: 'text', text: 'hello' }] } }

function problemsOf(script: unknown): readonly string[] {
  try {
    parseScript(script)
  } catch (error) {
    if (error instanceof ScriptError) return error.problems
    throw error
  }
  return []
}

describe('a script', () => {
  it('needs only a name and one step', () => {
    expect(problemsOf({ name: 'tiny', steps: [fine] })).toEqual([])
  })

  it('reports a mistake with the number, the name and the field of its step', () => {
    const nameless = { reply: { content: [{ type: 'text' }] } }
    const named = { name: 'overload', reply: { error: 'overloaded' } }
    const problems = problemsOf({ name: 'wrong', steps: [fine, nameless, named] })
    expect(problems).toHaveLength(2)
    expect(problems[0]).toMatch(/^step 2, reply\.content\.0\.text: expected a text/)
    expect(problems[1]).toMatch(/^step 3 "overload", reply\.error: .*overloaded_error/)
  })

  it('reports all its mistakes at once', () => {
    expect(problemsOf({ steps: [{ reply: { content: [] }, extra: 1 }, { when: { turn: 0 } }] })).toHaveLength(
      4,
    )
  })

  it('is refused if a regex is invalid or a placeholder is unknown', () => {
    const when = { text: { regex: '(' } }
    expect(problemsOf({ name: 'x', steps: [{ ...fine, when }] })[0]).toContain('step 1, when.text')
    const reply = { content: [{ type: 'tool_use', name: 'Read', input: { path: ['{{cwt}}/a'] } }] }
    expect(problemsOf({ name: 'x', steps: [{ name: 'typo', reply }] })).toEqual([
      'step 1 "typo": {{cwt}} stands for nothing',
    ])
  })

  it('is refused if it is not an object of that shape at all', () => {
    for (const script of [
      undefined,
      null,
      7,
      'text',
      [],
      {},
      { name: 'x', steps: [] },
      { name: 'x', steps: [null] },
    ]) {
      expect(problemsOf(script).length, JSON.stringify(script)).toBeGreaterThan(0)
    }
  })

  it('can be read from a file, whose name is in every error', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-script-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'script.json')
    expect(() => loadScript(path)).toThrow(path)
    writeFileSync(path, '{ no json')
    expect(() => loadScript(path)).toThrow(ScriptError)
    writeFileSync(path, JSON.stringify({ name: 'x', steps: [fine] }))
    expect(loadScript(path).steps).toHaveLength(1)
  })
})

describe('the demo script', () => {
  it('says that it is a script at the start of every conversation and in every model name', () => {
    const demo = loadScript(demoScript)
    expect(demo.announce).toContain('scripted demo model')
    expect(demo.announce).toContain('not an AI')
    expect(demo.model).toBe('scripted-demo-model')
  })
})
