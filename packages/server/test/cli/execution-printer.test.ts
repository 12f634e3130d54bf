import { PassThrough } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import type { ExecutionEvents } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import type { Followed } from '#cli/follow'
import { AgentPrinter } from '#cli/show/agent-printer'
import { runOf } from './scripted-server.ts'

type Told = {
  [Type in keyof ExecutionEvents]: { type: Type; data: ExecutionEvents[Type] }
}[keyof ExecutionEvents]

const run = runOf({ kind: 'execution', spec: { task: 'Mend\nit' }, head: 0 })

/** The text on both streams after these events. */
async function shown(events: readonly (Told | { type: string; data: object })[]) {
  const stream = () => Object.assign(new PassThrough({ highWaterMark: 1 << 24 }), { isTTY: false })
  const io = { stdout: stream(), stderr: stream(), env: {}, cwd: '/' }
  const printer = new AgentPrinter({ run, io, answer: async () => undefined })
  await printer.begin()
  for (const [index, event] of events.entries()) {
    await printer.show({ kind: 'event', seq: index + 1, ...event } as Followed)
  }
  printer.end()
  io.stdout.end()
  io.stderr.end()
  return { stdout: await readAll(io.stdout), stderr: (await readAll(io.stderr)).split('\n').slice(2, -1) }
}

const plan: Told = {
  type: 'plan:created',
  data: {
    plan: {
      goal: 'All green',
      phases: [
        { id: 'a', name: 'Look', status: 'active' },
        { id: 'b', name: 'Mend', status: 'pending' },
      ],
    },
  },
}
const start = (toolCallId: string, parentToolCallId?: string): Told => ({
  type: 'tool:start',
  data: {
    toolName: 'shell',
    toolCallId,
    params: { command: 'npm test' },
    ...(parentToolCallId === undefined ? {} : { parentToolCallId }),
  },
})
const output = (toolCallId: string, text: string): Told => ({
  type: 'tool:output',
  data: { toolCallId, text },
})
const complete = (
  toolCallId: string,
  status: ExecutionEvents['tool:complete']['status'],
  result: unknown,
): Told => ({ type: 'tool:complete', data: { toolName: 'shell', toolCallId, status, result, duration: 1 } })
const text = (messageId: string, delta: string): Told => ({
  type: 'text:delta',
  data: { messageId, text: delta },
})

describe('an execution on the screen', () => {
  it('the plan, its phases and the calls are remarks; what the agent says is the output', async () => {
    const { stdout, stderr } = await shown([
      { type: 'execution:started', data: { task: 'Mend it', startedAt: 1 } },
      { type: 'thinking', data: { thought: 'Hm', iteration: 1 } },
      plan,
      { type: 'phase:start', data: { phaseId: 'a', phaseName: 'Look', phaseIndex: 0 } },
      start('1'),
      complete('1', 'ok', 'all passed'),
      { type: 'phase:complete', data: { phaseId: 'a', phaseName: 'Look' } },
      text('m', 'Do'),
      text('m', 'ne.'),
      { type: 'usage', data: { tokens: { inputTokens: 1200, outputTokens: 34 }, costUsd: 0.0123 } },
      { type: 'execution:complete', data: { result: { text: 'Done.' }, duration: 3210, tokensUsed: 1234 } },
    ])
    expect(stdout).toBe('Done.\n')
    expect(stderr).toEqual([
      'Hm',
      '-- plan: All green',
      '  ▶ Look',
      '  · Mend',
      '▶ Look',
      '● shell npm test',
      '  all passed',
      '✓ Look',
      '-- 1 command',
      '-- completed, 1,234 tokens, $0.0123, 3.2 s',
    ])
  })

  it('an answer that was not streamed is printed from the result, and one that was is printed once', async () => {
    const end: Told = {
      type: 'execution:complete',
      data: { result: { text: '42' }, duration: 1, tokensUsed: null },
    }
    expect((await shown([end])).stdout).toBe('42\n')
    expect((await shown([text('m', '42'), end])).stdout).toBe('42\n')
  })

  it('two messages stand on lines of their own, and a text that is interrupted continues on the next line', async () => {
    const { stdout } = await shown([text('m', 'One'), text('n', 'Two'), start('1'), text('n', ' and a half')])
    expect(stdout).toBe('One\nTwo\n and a half\n')
  })

  it('a call that fails shows of its result only what its output did not show', async () => {
    const lines = Array.from({ length: 25 }, (_, index) => `line ${index}`)
    const ended = '[The command ended with exit code 1.]'
    const short = await shown([
      start('1'),
      output('1', 'line 0\nline 1\n'),
      complete('1', 'error', `line 0\nline 1\n\n${ended}`),
    ])
    expect(short.stderr).toEqual(['● shell npm test', '  line 0', '  line 1', `  ${ended}`])
    const long = await shown([
      start('1'),
      output('1', `${lines.join('\n')}\n`),
      complete('1', 'error', `${lines.join('\n')}\n\n${ended}`),
    ])
    expect(long.stderr.slice(20), 'how it ends').toEqual([
      '  line 19',
      ...lines.slice(20).map((one) => `  ${one}`),
      `  ${ended}`,
    ])
  })

  it('the output of a call is shown line by line, up to a bound, and its result is not shown again', async () => {
    const lines = Array.from({ length: 25 }, (_, index) => `line ${index}`)
    const { stderr } = await shown([
      start('1'),
      output('1', 'line 0\nli'),
      output('1', `ne 1\n${lines.slice(2).join('\n')}\n`),
      complete('1', 'ok', lines.join('\n')),
    ])
    expect(stderr).toEqual([
      '● shell npm test',
      ...lines.slice(0, 20).map((one) => `  ${one}`),
      '  … 5 more lines',
    ])
  })

  it('what a subagent does is indented; a failed, a denied and a cancelled call say so', async () => {
    const { stderr } = await shown([
      start('task'),
      start('inner', 'task'),
      complete('inner', 'error', 'exit code 1'),
      start('2'),
      {
        type: 'permission:denied',
        data: { toolUseId: '2', tool: 'Bash', input: { command: 'rm' }, reason: 'No.' },
      },
      complete('2', 'denied', 'No.'),
      complete('task', 'cancelled', null),
    ])
    expect(stderr).toEqual([
      '● shell npm test',
      '  ● shell npm test',
      '    exit code 1',
      '● shell npm test',
      '✗ denied: Bash rm',
      '  No.',
      '✗ cancelled: shell npm test',
    ])
  })

  it('what an engine adds is a remark, where a person can use it', async () => {
    const { stderr } = await shown([
      { type: 'model:retry', data: { attempt: 2, attemptsMax: 4, delayMs: 500, error: 'overloaded' } },
      { type: 'context:compacted', data: { tokensBefore: 9, tokensAfter: 4 } },
      { type: 'something:else', data: { of: 1 } },
    ])
    expect(stderr).toEqual([
      "-- the model's API failed (overloaded); attempt 2 of 4",
      '-- the conversation was shortened',
    ])
  })

  it.each([
    [
      { type: 'execution:error', data: { error: 'It cost more', code: 'budget' } },
      ['-- errored (budget: It cost more)'],
    ],
    [
      { type: 'execution:error', data: { error: 'Aborted by request', code: 'cancelled' } },
      ['-- aborted (Aborted by request)'],
    ],
    [
      { type: 'execution:interrupted', data: { error: 'The server stopped' } },
      ['-- interrupted (The server stopped)', `-- to continue: millrace resume ${run.id}`],
    ],
  ])('the end says why: %j', async (end, said) => {
    expect((await shown([end])).stderr).toEqual(said)
  })
})
