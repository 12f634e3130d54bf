import { describe, expect, it } from 'vitest'
import { filterOf } from '../../src/runs/filter.ts'
import { bodyOf } from '../../src/start/body.ts'
import { type Command, findCommands } from '../../src/start/commands.ts'
import { harmlessTool, type Tool } from '../../src/start/offer.ts'

function form(values: Record<string, string>): FormData {
  const data = new FormData()
  for (const [name, value] of Object.entries(values)) data.set(name, value)
  return data
}

describe('a filled form', () => {
  it('a job has the arguments that were filled in', () => {
    const filled = form({ tool: 'greet', 'arg:name': 'x', 'arg:rest': '' })
    expect(bodyOf('job', 'web', filled)).toEqual({
      kind: 'job',
      project: 'web',
      tool: 'greet',
      args: { name: 'x' },
    })
    expect(bodyOf('job', 'web', form({ tool: 'test' }))).toEqual({
      kind: 'job',
      project: 'web',
      tool: 'test',
    })
  })

  it('what was left empty is as configured', () => {
    const empty = form({ text: 'do it', approvals: '', model: ' ', cwd: '', usd: '', context: '' })
    expect(bodyOf('session', 'web', empty)).toEqual({ kind: 'session', project: 'web', prompt: 'do it' })
    expect(bodyOf('execution', 'web', empty)).toEqual({ kind: 'execution', project: 'web', task: 'do it' })
    const full = form({ text: 'do it', approvals: 'on', model: 'claude', usd: '1.5', context: 'c' })
    expect(bodyOf('execution', 'web', full)).toEqual({
      kind: 'execution',
      project: 'web',
      task: 'do it',
      approvals: 'on',
      model: 'claude',
      context: 'c',
      limits: { usd: 1.5 },
    })
  })
})

describe('where a session works', () => {
  it('a form names another agent, questions, and a worktree of a branch or a new one', () => {
    const chosen = form({
      text: 'do it',
      agent: 'codex',
      questions: 'on',
      place: 'worktree',
      branch: ' fix ',
    })
    expect(bodyOf('session', 'web', chosen)).toEqual({
      kind: 'session',
      project: 'web',
      prompt: 'do it',
      agent: 'codex',
      questions: 'on',
      worktree: 'fix',
    })
    const anew = form({ text: 'do it', agent: '', questions: '', place: 'worktree', branch: '' })
    expect(bodyOf('session', 'web', anew)).toEqual({
      kind: 'session',
      project: 'web',
      prompt: 'do it',
      worktree: true,
    })
    // A branch without its place, as a form keeps none, is no worktree.
    expect(bodyOf('session', 'web', form({ text: 'do it', branch: 'fix' }))).not.toHaveProperty('worktree')
  })
})

describe('proposals', () => {
  it('the proposed tool is none that runs until it is stopped', () => {
    const tools = ['npm:start', 'npm:dev', 'make:deploy', 'npm:test'].map((id) => ({ id }) as Tool)
    expect(harmlessTool(tools)?.id).toBe('npm:test')
    expect(harmlessTool(tools.slice(0, 3))).toBeUndefined()
  })

  it('commands are found by all typed words in any order, and begin with those that begin with the text', () => {
    const command = (label: string): Command => ({ id: label, label, group: 'Start', run: () => {} })
    const commands = ['Rerun test', 'Run test in web', 'Run build in web'].map(command)
    expect(findCommands(commands, 'run').map(({ label }) => label)).toEqual([
      'Run test in web',
      'Run build in web',
      'Rerun test',
    ])
    expect(findCommands(commands, ' web  TEST ').map(({ label }) => label)).toEqual(['Run test in web'])
  })
})

describe('the address of the list', () => {
  it('an address that makes no sense is no filter', () => {
    expect(filterOf({ state: 'walking', outcome: 'failure', kind: 'job', q: '', page: '3' })).toEqual({
      outcome: 'failure',
      kind: 'job',
    })
  })
})
