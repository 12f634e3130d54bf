import { chmodSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, describe, expect, it } from 'vitest'
import { type SelfTestOptions, testClaude } from '#agents/claude/engine/self-test'

const workspace = new Workspace()
afterAll(() => workspace.close())

const options: SelfTestOptions = {
  agent: undefined,
  policy: undefined,
  hidden: [],
  home: homedir(),
}
const policy = { approvals: 'off', unreadableBash: 'allow', approvalSeconds: 60 } as const

describe('the self-test', () => {
  it('the self-test finds nothing wrong with what is installed, and leaves no listener behind', async () => {
    const before = process.listenerCount('exit')
    expect(await testClaude(options)).toEqual({ problems: [], warnings: [] })
    expect(process.listenerCount('exit') - before).toBeLessThanOrEqual(1)
  })

  it('the self-test names tools on the allow-list that the installed SDK does not know', async () => {
    const allowedTools = ['Read', 'Reed', 'Bash(npm:*)', 'mcp__docs__search']
    const check = await testClaude({ ...options, policy: { ...policy, allowedTools } })
    expect(check).toEqual({
      problems: [],
      warnings: [expect.stringContaining(': Reed, Bash(npm:*)')],
    })
  })

  it('the self-test reports a policy that allows what it must not', async () => {
    const check = await testClaude({
      ...options,
      createPolicy: () => ({ decide: () => ({ decision: 'allow' }) }),
    })
    expect(check.problems).toHaveLength(3)
    expect(check.problems[0]).toContain('The policy does not hold: it allows AskUserQuestion')
  })

  it('the self-test says what to install when the program is missing or does not work', async () => {
    const text = join(workspace.root, 'text')
    writeFileSync(text, 'no program')
    chmodSync(text, 0o644)
    for (const pathToClaudeCodeExecutable of [join(workspace.root, 'missing'), text]) {
      const { problems } = await testClaude({ ...options, agent: { pathToClaudeCodeExecutable } })
      expect(problems).toHaveLength(1)
      expect(problems[0]).toContain(pathToClaudeCodeExecutable)
      expect(problems[0]).toContain('install the optional dependencies')
    }
  })
})
