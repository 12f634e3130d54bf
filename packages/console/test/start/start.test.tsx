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
