import { chmodSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, expect, it } from 'vitest'
import { testClaude } from '#compose/claude'

const workspace = new Workspace()
afterAll(() => workspace.close())

const options = { agent: undefined, policy: undefined, hidden: [], home: homedir() }
const never = new AbortController().signal

it('the self-test in a process of its own knows the configured policy', async () => {
  const policy = {
    approvals: 'off',
    unreadableBash: 'allow',
    approvalSeconds: 60,
    allowedTools: ['Reed'],
  } as const
  expect(await testClaude({ ...options, policy }, never)).toEqual({
    problems: [],
    warnings: [expect.stringContaining(': Reed')],
  })
})

it('the self-test in a process of its own reports a program that cannot be executed', async () => {
  const program = join(workspace.project('program'), 'claude')
  writeFileSync(program, '#!/bin/sh\nexit 3\n')
  chmodSync(program, 0o755)
  const { problems } = await testClaude({ ...options, agent: { pathToClaudeCodeExecutable: program } }, never)
  expect(problems).toEqual([expect.stringContaining(program)])
})

it('a self-test whose process is ended reports that no agent was tested', async () => {
  const closing = new AbortController()
  const test = testClaude(options, closing.signal)
  closing.abort()
  expect((await test).problems).toEqual([expect.stringMatching(/^The self-test of agents failed: /)])
})
