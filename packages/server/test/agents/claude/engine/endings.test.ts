/** Every way a session ends: by its limits, by its model, by its process, from outside. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Step } from '@millrace/scripted-model'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { defaultProcessLimits } from '#runners/limits'
import { program, saying } from '#test/agents/claude/support/programs'
import { openSessions, say, serve, use } from '#test/agents/claude/support/sessions'

const sessions = openSessions()
const full = process.env.MILLRACE_TEST_FULL !== undefined
const nowhere = { url: 'http://127.0.0.1:9' }

const spending: Step = {
  reply: {
    content: [{ type: 'tool_use', name: 'Bash', input: { command: 'true' } }],
    usage: { output_tokens: 100_000 },
  },
}

describe('a session over its limits', () => {
  it('a session that exceeds its budget says how large the budget was', async () => {
    const model = await serve([spending])
    const { outcome, context } = await sessions.run(model, { agent: { maxBudgetUsd: 0.5 } })
    const error = 'It reached its budget of $0.50'
    expect(outcome).toMatchObject({
      state: 'errored',
      data: { sessionId: context.run.id, state: 'errored', reason: 'error_max_budget_usd', error },
      error: { message: error },
    })
    expect(outcome.usage?.costUsd).toBeGreaterThan(0.5)
  })

  it('a session that exceeds its turns says how many it had', async () => {
    const model = await serve([spending])
    const { outcome } = await sessions.run(model, { agent: { maxTurns: 2, maxBudgetUsd: 1000 } })
    expect(outcome.data).toMatchObject({
      state: 'errored',
      reason: 'error_max_turns',
      error: 'It reached its limit of 2 turns',
    })
  })
})

describe('a session whose tools take more than their share', () => {
  it('a session whose tools exceed a limit is ended, and names the limit', async () => {
    const rows = [
      ['memory', 'head -c 700M /dev/zero > /tmp/filled; sleep 1000', { memoryBytes: 600 * 1024 ** 2 }],
      ['processes', 'for i in {1..100}; do sleep 1000 & done; wait', { processes: 60 }],
    ] as const
    for (const [breach, command, limits] of rows) {
      const model = await serve([use('Bash', { command })])
      const { outcome } = await sessions.run(model, { options: { agent: { limits } } })
      expect(outcome).toMatchObject({
        state: 'errored',
        error: { reason: 'crashed', message: `The agent used more ${breach} than it is allowed` },
      })
    }
  })

  it('a session has limits of memory and processes by default', () => {
    expect(defaultProcessLimits).toEqual({ memoryBytes: expect.any(Number), processes: expect.any(Number) })
  })
})

describe('a model that fails', () => {
  it('a refused API key ends the session at once, with a message that says so', async () => {
    const model = await serve([say('hello')], { apiKey: 'another-key' })
    const { outcome, context } = await sessions.run(model)
    expect(outcome.data).toMatchObject({
      reason: 'authentication_failed',
      error: 'The model provider refused the API key (401): check ANTHROPIC_API_KEY',
    })
    expect(context.outline).toEqual(['system:init', 'system:api_retry'])
  })

  it('a model that is overloaded or cuts its stream is asked again', async () => {
    const overloaded: Step = { times: 1, reply: { error: 'overloaded_error', retryAfterSeconds: 0 } }
    const cut: Step = {
      times: 1,
      reply: { content: [{ type: 'text', text: ['ha', 'lf'] }], trouble: { kind: 'cut', afterEvents: 3 } },
    }
    const model = await serve([overloaded, cut, say('Here I am.')])
    const { outcome, context } = await sessions.run(model)
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'Here I am.' } })
    expect(context.outline).toContain('system:api_retry')
  })

  it('a model that keeps failing ends the session, with its status in the message', async () => {
    const model = await serve([{ reply: { error: 'overloaded_error', retryAfterSeconds: 0 } }])
    const { outcome } = await sessions.run(model, { agent: { env: { CLAUDE_CODE_MAX_RETRIES: '1' } } })
    expect(outcome.data).toMatchObject({ state: 'errored', reason: 'api_error' })
    expect(outcome.error?.message).toMatch(/^The model's API failed \(529\): /)
  })

  it('a model that pauses its turn has not finished, and the session names the reason', async () => {
    const content = [{ type: 'text' as const, text: 'I pause here.' }]
    const model = await serve([{ reply: { content, stop_reason: 'pause_turn' } }])
    const { outcome } = await sessions.run(model)
    expect(outcome).toMatchObject({
      state: 'errored',
      data: {
        reason: 'pause_turn',
        error: 'The model stopped before it had finished (pause_turn)',
      },
      result: { text: 'I pause here.' },
    })
  })
})

describe('a process that breaks the rules', () => {
  it('a process that writes a line which is not a message is ended, and the session quotes the line', async () => {
    for (const garbage of ['Segmentation fault', '{"half": ', '["a list"]', '{"type": 7}']) {
      const path = program(sessions.workspace, 'garbage', `echo '${garbage}'; sleep 1000`)
      const { outcome } = await sessions.run(nowhere, { agent: { pathToClaudeCodeExecutable: path } })
      expect(outcome.data).toMatchObject({
        reason: 'protocol_error',
        error: `The agent's process wrote a line that is not a message: ${garbage}`,
      })
    }
  })

  it('a process that exits without a result is reported with its code and last words, without secrets', async () => {
    const script = 'echo "made-up-key and $ANTHROPIC_AUTH_TOKEN and sk-ant-0123456789: no" >&2; exit 3'
    const path = program(sessions.workspace, 'gone', script)
    const { outcome } = await sessions.run(nowhere, { agent: { pathToClaudeCodeExecutable: path } })
    expect(outcome.data).toMatchObject({
      reason: 'crashed',
      error:
        "The agent's process ended with exit code 3 before it gave a result; its last words: " +
        '[secret] and [secret] and [secret]: no',
    })
  })

  it('a process that exits silently with code 0 is not a success', async () => {
    const path = program(sessions.workspace, 'silent', 'exit 0')
    const { outcome } = await sessions.run(nowhere, { agent: { pathToClaudeCodeExecutable: path } })
    expect(outcome).toMatchObject({ state: 'errored', data: { reason: 'crashed' } })
  })

  it('a process that cannot be started is reported as not started', async () => {
    const missing = join(sessions.workspace.root, 'missing')
    const text = join(sessions.workspace.root, 'text')
    writeFileSync(text, 'no program', { mode: 0o644 })
    for (const path of [text, missing]) {
      const { outcome } = await sessions.run(nowhere, { agent: { pathToClaudeCodeExecutable: path } })
      expect(outcome.error).toMatchObject({ reason: 'not_started' })
      expect(outcome.error?.message).toContain('Could not start: ')
      expect(outcome.error?.message).toContain(path)
    }
  })

  it('a process that stays after its result is ended', async () => {
    const success = { type: 'result', subtype: 'success', is_error: false, terminal_reason: 'completed' }
    const result = { ...success, result: 'Done.', num_turns: 1 }
    const path = program(
      sessions.workspace,
      'stays',
      `${saying(result)}; trap '' TERM; sleep 1000 & sleep 1000`,
    )
    const { outcome } = await sessions.run(nowhere, { agent: { pathToClaudeCodeExecutable: path } })
    expect(outcome).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
  })

  it('a malformed request with the id of an open one cannot crash the server', async () => {
    const ask = {
      type: 'control_request',
      request_id: 'a',
      request: {
        subtype: 'can_use_tool',
        tool_name: 'Bash',
        tool_use_id: 't',
        input: { command: './tool $(cat x)' },
      },
    }
    const half = { type: 'control_request', request_id: 'a' }
    const path = program(
      sessions.workspace,
      'requests',
      `${saying(ask)}; sleep 0.3; ${saying(half)}; sleep 1000`,
    )
    const { context, run } = sessions.prepare(nowhere, {
      agent: { pathToClaudeCodeExecutable: path },
      policy: { approvals: 'on', unreadableBash: 'ask' },
      // All questions stay open: nobody answers.
      options: { createPolicy: () => ({ decide: () => ({ decision: 'ask', reason: 'Odd.' }) }) },
    })
    context.answer = () => new Promise(() => {})
    const { outcome } = await run()
    expect(context.questions).toHaveLength(1)
    expect(outcome.data).toMatchObject({ reason: 'protocol_error' })
  })

  it('a process cannot make a conversation that is too long for a later session to hold', async () => {
    const frame = {
      type: 'transcript_mirror',
      filePath: '/home/run/.claude/projects/p/c.jsonl',
      entries: [{ type: 'user', text: 'x' }],
    }
    const path = program(sessions.workspace, 'long', `${saying(frame)}; sleep 1000`)
    const agent = { pathToClaudeCodeExecutable: path }
    const { context: resumes } = sessions.prepare(nowhere)
    const entry = { conversation: 'c', subpath: '', json: '{"type":"user"}' }
    const long = { conversation: 'c', subpath: 'subagent', json: ' '.repeat(128 * 1024 ** 2 - 30) }
    resumes.transcript.push(entry, long)
    const { outcome, context } = await sessions.run(nowhere, { agent, resumes })
    expect(outcome.data).toMatchObject({ reason: 'output' })
    expect(context.transcript).toHaveLength(2)
  })

  it('events that a process names like the server’s own are logged under marked names', async () => {
    const names = ['completed', 'run:started', 'permission:resolved', 'reset', 'a b', 'new_kind']
    const script = [...names.map((type) => saying({ type, x: 1 })), 'exit 1'].join('\n')
    const path = program(sessions.workspace, 'names', script)
    const { context } = await sessions.run(nowhere, { agent: { pathToClaudeCodeExecutable: path } })
    expect(context.events.map(({ type }) => type)).toEqual([
      'sdk:completed',
      'sdk:run:started',
      'sdk:permission:resolved',
      'sdk:reset',
      'sdk:message',
      'new_kind',
    ])
    expect(context.events.map(({ data }) => (data as { type: string }).type)).toEqual(names)
  })
})

describe('a process that falls silent', () => {
  const agent = { stallSeconds: 60 }

  it('a silent process is ended when nothing is under way, before its first message or after', async () => {
    const clock = new ManualClock()
    const path = program(sessions.workspace, 'hangs', `${saying({ type: 'first_word' })}; sleep 1000`)
    const { context, run } = sessions.prepare(nowhere, {
      agent: { ...agent, pathToClaudeCodeExecutable: path },
      options: { clock },
    })
    const ended = run()
    await new Promise<void>((resolve) => {
      context.onEvent = () => resolve()
    })
    clock.advance(59_000)
    expect(context.events).toHaveLength(1)
    clock.advance(60_000)
    expect((await ended).outcome.data).toMatchObject({
      reason: 'stalled',
      error: "The agent's process said nothing for 60 seconds and was ended",
    })
    expect(clock.pending).toBe(0)
  })

  it('a silent process is left alone while a tool runs or a person is asked', async () => {
    const clock = new ManualClock()
    const model = await serve([
      use('Bash', { command: 'until [ -e go ]; do sleep 0.05; done' }),
      use('Bash', { command: 'python3 -c "1"' }, { turn: 2 }),
      say('Done.'),
    ])
    const { context, run } = sessions.prepare(model, {
      agent,
      approvals: 'on',
      policy: { unreadableBash: 'ask' },
      options: { clock },
    })
    context.answer = async () => {
      clock.advance(3_600_000)
      return { decision: 'allow', by: 'person' }
    }
    context.onEvent = ({ type }) => {
      if (type !== 'assistant' || context.of('assistant').length > 1) return
      clock.advance(3_600_000)
      writeFileSync(join(sessions.project, 'go'), '')
    }
    // The process gets no grace after its result, since this clock stands still.
    const ended = run()
    await until(() => context.of('result').length > 0)
    clock.advance(5000)
    expect((await ended).outcome).toMatchObject({ state: 'completed' })
  })
})

describe('a session that is ended from outside', () => {
  const working = [use('Bash', { command: 'sleep 1000' }), say('never')]

  it('a session ended from outside logs nothing that the SDK makes up afterwards', async () => {
    const model = await serve(working)
    const { context, run } = sessions.prepare(model)
    let atEnd = -1
    context.onEvent = ({ type }) => {
      if (type !== 'assistant') return
      context.end()
      atEnd = context.events.length
    }
    const { outcome } = await run()
    expect(atEnd).toBeGreaterThan(0)
    expect(context.events).toHaveLength(atEnd)
    expect(outcome.state).toBe('errored')
    expect(model.requests).toHaveLength(1)
  })

  it('an ended session leaves no process, whatever the moment and the cause', async () => {
    const rounds = full ? 60 : 6
    const model = await serve([
      {
        when: { turn: 1 },
        reply: {
          content: [
            { type: 'text', text: ['I', ' am', ' working'], pauseMs: 20 },
            { type: 'tool_use', name: 'Bash', input: { command: 'sleep 0.2' } },
          ],
        },
      },
      say(['All', ' done'], {}),
    ])
    const round = async (index: number) => {
      const { context, run } = sessions.prepare(model, index % 4 === 0 ? { sandbox: sessions.loose } : {})
      const cause = index % 3 === 0 ? 'shutdown' : 'abort'
      const after = Math.random() * 1500
      const timer = setTimeout(() => context.end(cause), after)
      let counted = -1
      context.signal.addEventListener('abort', () => {
        counted = context.events.length
      })
      await run()
      clearTimeout(timer)
      if (counted !== -1) expect(context.events.length, `ended after ${after} ms`).toBe(counted)
    }
    // Two at a time: the test varies the moment, not the load.
    for (let index = 0; index < rounds; index += 2) await Promise.all([round(index), round(index + 1)])
  }, 120_000)

  it('a session ended before it begins starts no process', async () => {
    const model = await serve(working)
    const { context, run } = sessions.prepare(model)
    context.end()
    await run()
    expect(context.process).toBeNull()
    expect(context.events).toEqual([])
  })

  it('the terminal event of a session ended from outside says what ended it', () => {
    const { runner, context } = sessions.prepare(nowhere)
    const sessionId = context.run.id
    const message = 'Interrupted: the server is shutting down'
    expect(runner.endedData(context.run, 'interrupted', message, 'shutdown')).toEqual({
      sessionId,
      state: 'interrupted',
      reason: 'shutdown',
      error: message,
    })
    expect(runner.endedData(context.run, 'errored', 'boom', null)).toMatchObject({
      reason: 'internal',
      error: 'boom',
    })
  })
})
