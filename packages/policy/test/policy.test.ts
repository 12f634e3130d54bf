import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createPolicy, defaultAllowedTools, type ToolCall } from '#policy'
import { policyWith } from './support/policies.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-policy-')))
const places = {
  project: join(root, 'home/code/project'),
  home: join(root, 'home'),
  outside: join(root, 'outside'),
  data: join(root, 'data'),
}
for (const directory of Object.values(places)) mkdirSync(directory, { recursive: true })
mkdirSync(join(places.project, 'src'))
writeFileSync(join(places.outside, 'file'), 'x')
symlinkSync(places.outside, join(places.project, 'out'))
symlinkSync('.git/hooks', join(places.project, 'innocent'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const policy = policyWith({}, places)
const decide = (tool: string, input: ToolCall['input']) => policy.decide({ tool, input, cwd: places.project })
const decision = (tool: string, input: ToolCall['input']) => decide(tool, input).decision

describe('the list of tools', () => {
  it('holds what an agent that works alone needs, and every name is known to the agent SDK', () => {
    expect(defaultAllowedTools).toEqual(
      expect.arrayContaining(['Bash', 'Read', 'Write', 'Edit', 'WebSearch', 'WebFetch']),
    )
    // Of BUILTIN_TOOL_NAMES of the agent SDK 0.3.329.
    const known =
      'Agent Bash Edit Glob Grep LSP Read TaskCreate TaskGet TaskList TaskStop TaskUpdate TodoWrite ToolSearch WebFetch WebSearch Write'
    expect(policy.unknownTools(known.split(' '))).toEqual([])
  })

  it('a name that the SDK does not know is reported, apart from those of MCP servers', () => {
    const listed = policyWith({ allowedTools: ['Bash', 'Bassh', 'Bash(npm:*)', 'mcp__docs__*'] })
    expect(listed.unknownTools(['Bash', 'Read'])).toEqual(['Bassh', 'Bash(npm:*)'])
  })

  it('a tool that is not on it is denied, and the reason names the tool', () => {
    expect(decide('CronCreate', {})).toEqual({
      decision: 'deny',
      reason: 'The tool CronCreate is not on the list of allowed tools.',
    })
    expect(decision('toString', {})).toBe('deny')
  })

  it.each(['KillBash', 'NotebookEdit', 'ExitPlanMode', 'AskUserQuestion'])(
    '%s is denied also where it is listed',
    (tool) => {
      const listing = policyWith({ allowedTools: [tool] })
      expect(listing.decide({ tool, input: {}, cwd: places.project }).decision).toBe('deny')
    },
  )

  it('tools of MCP servers are allowed by name or by server, and only then', () => {
    const listing = policyWith({ allowedTools: ['mcp__docs__search', 'mcp__git__*'] })
    const of = (tool: string) => listing.decide({ tool, input: {}, cwd: places.project }).decision
    expect([of('mcp__docs__search'), of('mcp__git__log')]).toEqual(['allow', 'allow'])
    expect([of('mcp__docs__write'), of('mcp__github__log'), of('mcp__git_evil__log')]).toEqual([
      'deny',
      'deny',
      'deny',
    ])
    expect(decision('mcp__docs__search', {})).toBe('deny')
  })
})

describe('writing files', () => {
  const write = (file_path: unknown) => decision('Write', { file_path, content: '' })

  it.each([
    'src/new.ts',
    './deep/er/new.ts',
    'src/../README.md',
    '.env',
    '.github/workflows/ci.yml',
    '.gitignore',
  ])('%s in the project is allowed', (path) => {
    expect(write(path)).toBe('allow')
    expect(write(join(places.project, path))).toBe('allow')
    expect(decision('Edit', { file_path: path, old_string: 'a', new_string: 'b' })).toBe('allow')
  })

  it.each([
    '../other/file',
    '/etc/hosts',
    '~/file',
    'out/file',
    'out/../file',
    'src/../../x',
    '.git/config',
    '.git/hooks/pre-commit',
    '.GIT/hooks/pre-commit',
    'sub/.git/hooks/pre-commit',
    'innocent/pre-commit',
    '.claude/settings.json',
    '.mcp.json',
    'millrace.config.ts',
    'packages/a/millrace.config.json',
    'a\0b',
    '',
  ])('%j is denied', (path) => {
    expect(write(path)).toBe('deny')
  })

  it('a path that is missing or no text is denied', () => {
    expect([write(undefined), write(7), write({})]).toEqual(['deny', 'deny', 'deny'])
  })

  it('/tmp is free in a sandbox, where it is the run’s own, and nowhere else', () => {
    const call = { tool: 'Write', input: { file_path: '/tmp/millrace-x', content: '' }, cwd: places.project }
    expect(policy.decide(call).decision).toBe('deny')
    const home = '/srv/home'
    const projectPath = '/srv/project'
    expect(policyWith({ sandboxed: true, home, projectPath }).decide(call).decision).toBe('allow')
  })
})

describe('reading files', () => {
  it.each([
    'src/index.ts',
    '.env',
    '.git/config',
    '/usr/include/stdio.h',
    '/etc/os-release',
    '../sibling/README.md',
  ])('%s is allowed', (path) => {
    expect(decision('Read', { file_path: path })).toBe('allow')
  })

  it.each([
    join(places.home, '.ssh/id_rsa'),
    join(places.home, '.aws/credentials'),
    join(places.home, '.bash_history'),
    join(places.home, '.local/state/millrace/x/server.json'),
    join(places.data, 'server.json'),
    '../../.ssh/id_rsa',
    '/proc/self/environ',
    '/proc/1/environ',
    '/proc/self/root/etc/hostname',
    '/etc/shadow',
    '/root/.profile',
    '/run/secrets/key',
    '/var/run/docker.sock',
    '/srv/other/.env',
    '/srv/other/server.key',
  ])('%s is denied', (path) => {
    expect(decision('Read', { file_path: path })).toBe('deny')
  })

  it('searching a directory is denied where it holds credentials', () => {
    expect(decision('Grep', { pattern: 'KEY', path: places.home })).toBe('deny')
    expect(decision('Grep', { pattern: 'KEY', path: '/' })).toBe('deny')
    expect(decision('Glob', { pattern: '/**/id_rsa' })).toBe('deny')
    expect(decision('Glob', { pattern: `${places.home}/.s*/*` })).toBe('deny')
    expect(decision('Glob', { pattern: '../../{.ssh,x}/*' })).toBe('deny')
    expect(decision('Glob', { pattern: '**/*.{ts,tsx}' })).toBe('allow')
    expect(decision('Grep', { pattern: 'KEY' })).toBe('allow')
  })
})

describe('other tools', () => {
  it('a web address may be fetched, unless a cloud gives out credentials there', () => {
    expect(decision('WebFetch', { url: 'https://example.org/', prompt: 'x' })).toBe('allow')
    expect(decision('WebFetch', { url: 'http://169.254.169.254/latest', prompt: 'x' })).toBe('deny')
    expect(decision('WebFetch', { url: 'http://0xA9FEA9FE/latest', prompt: 'x' })).toBe('deny')
    expect(decision('WebFetch', { url: 'file:///etc/passwd', prompt: 'x' })).toBe('deny')
  })

  it('a command may not ask to leave the sandbox, nor a subagent for another place', () => {
    expect(decision('Bash', { command: 'ls', dangerouslyDisableSandbox: true })).toBe('deny')
    expect(decision('Bash', { command: 'ls' })).toBe('allow')
    expect(decision('Bash', {})).toBe('deny')
    expect(decision('Agent', { description: 'x', prompt: 'x' })).toBe('allow')
    expect(decision('Agent', { description: 'x', prompt: 'x', isolation: 'remote' })).toBe('deny')
  })
})

describe('bash that cannot be read', () => {
  const call = { tool: 'Bash', input: { command: 'eval "$x"' }, cwd: '/srv/project' }
  const at = { projectPath: '/srv/project', home: '/srv/home' }

  it('is asked about outside a sandbox where people can be asked, and else denied, whatever the setting', () => {
    for (const unreadableBash of ['allow', 'ask', 'deny'] as const) {
      const outside = (approvals: 'on' | 'off') =>
        createPolicy({ ...at, unreadableBash, approvals, sandboxed: false }).decide(call)
      expect(outside('on')).toEqual({
        decision: 'ask',
        reason: 'Eval runs text that is not known.',
        unread: [{ start: 0, end: 9 }],
      })
      expect(outside('off')).toEqual({
        decision: 'deny',
        reason: 'Outside a sandbox this is not run: eval runs text that is not known.',
      })
    }
  })

  it('is marked in the question, each part by itself', () => {
    const command = 'npm test && sort --zip x | tee "$OUT" && frobnicate'
    const verdict = policy.decide({ tool: 'Bash', input: { command }, cwd: places.project })
    const marked =
      verdict.decision === 'ask' ? verdict.unread?.map(({ start, end }) => command.slice(start, end)) : []
    expect(marked).toEqual(['--zip', '"$OUT"', 'frobnicate'])
  })

  it('has a reason in words where a word of the command is not known', () => {
    const reasonOf = (command: string) => {
      const options = { ...at, unreadableBash: 'ask', approvals: 'on', sandboxed: false } as const
      const verdict = createPolicy(options).decide({ ...call, input: { command } })
      return verdict.decision === 'allow' ? null : verdict.reason
    }
    expect(reasonOf('ls $(cat list)')).toBe(
      'A word that is not known before the command runs could be any option of ls.',
    )
    // Four dots in a row would be read as a slip.
    expect(reasonOf('$(command -v node) --test')).toBe('The name of the program is not written out.')
    expect(reasonOf('ls "$x"/src')).toBe('…/src, whose beginning is not known, could be any option of ls.')
  })

  it('follows the setting inside; where nobody can be asked, asking is a denial', () => {
    const inside = (unreadableBash: 'allow' | 'ask' | 'deny', approvals: 'on' | 'off') =>
      createPolicy({ ...at, unreadableBash, approvals, sandboxed: true }).decide(call).decision
    expect([inside('allow', 'off'), inside('ask', 'on'), inside('ask', 'off'), inside('deny', 'on')]).toEqual(
      ['allow', 'ask', 'deny', 'deny'],
    )
  })
})

describe('a command that moves or reaches through links', () => {
  const bashIn = (command: string) => decision('Bash', { command })

  it('is not readable where bash and the kernel disagree about the directory', () => {
    mkdirSync(join(places.project, 'deep/er'), { recursive: true })
    symlinkSync('deep/er', join(places.project, 'short'))
    expect(bashIn('cd src && ls')).toBe('allow')
    expect(bashIn('cd deep/er/.. && ls')).toBe('allow')
    for (const command of [
      'cd short/.. && ls',
      'cd short && cd .. && ls',
      'cd out && ls',
      'cd src; cd ../out/..; ls',
    ])
      expect([command, bashIn(command)]).toEqual([command, 'ask'])
  })

  it('is not readable where a pattern matches a link, or a name that looks like an option', () => {
    const at = join(places.project, 'globs')
    mkdirSync(at)
    writeFileSync(join(at, 'a.txt'), '')
    expect(bashIn('cat globs/*.txt')).toBe('allow')
    symlinkSync(join(places.outside, 'file'), join(at, 'b.txt'))
    expect(bashIn('cat globs/*.txt')).toBe('ask')
    rmSync(join(at, 'b.txt'))
    writeFileSync(join(at, '-rf.txt'), '')
    expect(bashIn('cd globs && rm *.txt')).toBe('ask')
    expect(bashIn('cd globs && rm ./*.txt')).toBe('ask')
    rmSync(join(at, '-rf.txt'))
    expect(bashIn('cd globs && rm *.txt')).toBe('allow')
  })

  it('is not readable where it works in a repository below the project, or in what has the form of one', () => {
    const nested = join(places.project, 'nested')
    mkdirSync(nested)
    expect(bashIn('cd nested && git status')).toBe('allow')
    writeFileSync(join(nested, 'HEAD'), 'ref: refs/heads/main')
    expect(bashIn('cd nested && git status')).toBe('ask')
    expect(bashIn('git -C nested status')).toBe('ask')
    expect(bashIn('mkdir b; echo x > b/HEAD; cd b && git status')).toBe('ask')
  })

  it('is not readable where it commits what it wrote and the project has hooks, which run', () => {
    expect(bashIn('echo x > a.ts && git add a.ts && git commit -m x')).toBe('allow')
    mkdirSync(join(places.project, '.git/hooks'), { recursive: true })
    writeFileSync(join(places.project, '.git/hooks/pre-commit'), '#!/bin/sh')
    expect(bashIn('echo x > a.ts && git add a.ts && git commit -m x')).toBe('ask')
    expect(bashIn('git commit -m x')).toBe('allow')
  })
})

it('what the policy fails to read is denied', () => {
  const input = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
    },
  )
  expect(decide('Bash', input)).toEqual({
    decision: 'deny',
    reason: 'The policy failed to read this call: no.',
  })
})
