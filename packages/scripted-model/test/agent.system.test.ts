/** The real agent SDK against the scripted model: what the package README says about it holds. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ScriptedModel, type ScriptedModelOptions, type Step, startScriptedModel } from '#index'
import { makePlace, outline, resultOf, runAgent } from './support/agent.ts'

async function serve(steps: Step[], more: Partial<ScriptedModelOptions> = {}): Promise<ScriptedModel> {
  const model = await startScriptedModel({ script: { name: 'test script', steps }, ...more })
  onTestFinished(() => model.close())
  return model
}

const say = (text: string | string[], when: Step['when'] = {}): Step => ({
  when,
  reply: { content: [{ type: 'text', text }] },
})
/** What the tests of sessions show as well, of the same process and the same model. */
const itAlone = it.runIf(process.env.MILLRACE_TEST_FULL !== undefined)
const noRetries = { CLAUDE_CODE_MAX_RETRIES: '0' }
const oneRetry = { CLAUDE_CODE_MAX_RETRIES: '1' }

describe('the agent', () => {
  it('streams a text in the deltas of the script, then sends it whole, then the result', async () => {
    const usage = { input_tokens: 1000, output_tokens: 500 }
    const model = await serve([{ reply: { content: [{ type: 'text', text: ['Hello', ' there'] }], usage } }])
    const run = await runAgent(model, 'Say hello', makePlace())
    expect(outline(run.messages)).toEqual(['system:init', 'assistant', 'result:success'])
    const deltas = run.messages.flatMap((message) =>
      message.type === 'stream_event' && message.event.type === 'content_block_delta'
        ? [message.event.delta]
        : [],
    )
    expect(deltas).toEqual([
      { type: 'text_delta', text: 'Hello' },
      { type: 'text_delta', text: ' there' },
    ])
    expect(resultOf(run)).toMatchObject({
      subtype: 'success',
      is_error: false,
      result: 'Hello there',
      num_turns: 1,
      usage: { input_tokens: 1000, output_tokens: 500 },
    })
    expect(resultOf(run).total_cost_usd).toBeGreaterThan(0)
    // One request, and nothing else at the start.
    expect(model.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /v1/messages'])
    expect(JSON.stringify(model.requests)).not.toContain('made-up-key')
  })

  it('runs the tools that the script uses, and reports their results to the model', async () => {
    const place = makePlace()
    const model = await serve([
      {
        when: { turn: 1 },
        reply: {
          content: [
            { type: 'thinking', thinking: 'A file, then.' },
            {
              type: 'tool_use',
              name: 'Write',
              input: { file_path: '{{cwd}}/made.txt', content: 'by a script' },
            },
            { type: 'tool_use', name: 'Bash', input: { command: 'exit 3' } },
          ],
        },
      },
      say('It failed.', { toolResult: { tool: 'Bash', isError: true, text: 'Exit code 3' } }),
    ])
    const run = await runAgent(model, 'Write a file', place)
    expect(readFileSync(join(place.project, 'made.txt'), 'utf8')).toBe('by a script')
    expect(resultOf(run)).toMatchObject({ subtype: 'success', result: 'It failed.', num_turns: 3 })
    expect(outline(run.messages).filter((name) => name === 'user')).toHaveLength(2)
  })

  it('receives the reason of a refused tool call', async () => {
    const place = makePlace()
    const model = await serve([
      {
        when: { turn: 1 },
        reply: { content: [{ type: 'tool_use', name: 'Bash', input: { command: 'touch made.txt' } }] },
      },
      say('I see.', { toolResult: { tool: 'Bash', isError: true, text: 'not on my watch' } }),
    ])
    const refuse = async () => ({ behavior: 'deny' as const, message: 'not on my watch' })
    const run = await runAgent(model, 'Write a file', place, { options: { canUseTool: refuse } })
    expect(resultOf(run)).toMatchObject({ result: 'I see.', permission_denials: [{ tool_name: 'Bash' }] })
    expect(existsSync(join(place.project, 'made.txt'))).toBe(false)
  })

  it('shows every call to a PreToolUse hook, and asks canUseTool only about calls that it finds dangerous', async () => {
    const commands = ['pwd', 'touch made.txt']
    const model = await serve([
      ...commands.map((command, index) => ({
        when: { turn: index + 1 },
        reply: { content: [{ type: 'tool_use' as const, name: 'Bash', input: { command } }] },
      })),
      say('done'),
    ])
    const hooked: unknown[] = []
    const asked: unknown[] = []
    await runAgent(model, 'Go', makePlace(), {
      options: {
        hooks: {
          PreToolUse: [
            {
              hooks: [
                async (input) => {
                  if (input.hook_event_name === 'PreToolUse') hooked.push(input.tool_input)
                  return {}
                },
              ],
            },
          ],
        },
        canUseTool: async (_tool, input) => {
          asked.push(input)
          return { behavior: 'allow', updatedInput: input }
        },
      },
    })
    expect(hooked).toEqual(commands.map((command) => ({ command })))
    expect(asked).toEqual([{ command: 'touch made.txt' }])
  })

  it('runs a call whose hook throws: a hook that must hold has to catch its own errors', async () => {
    const place = makePlace()
    const model = await serve([
      {
        when: { turn: 1 },
        reply: { content: [{ type: 'tool_use', name: 'Bash', input: { command: 'touch made.txt' } }] },
      },
      say('done'),
    ])
    const fail = async () => {
      throw new Error('the hook is broken')
    }
    await runAgent(model, 'Go', place, { options: { hooks: { PreToolUse: [{ hooks: [fail] }] } } })
    expect(existsSync(join(place.project, 'made.txt'))).toBe(true)
  })

  itAlone('continues a resumed conversation', async () => {
    const place = makePlace()
    const model = await serve([say('Blue it is.', { text: 'blue' }), say('You said blue.', { turn: 2 })])
    const first = await runAgent(model, 'My colour is blue', place)
    const { session_id } = resultOf(first)
    const transcripts = join(place.home, '.claude/projects', place.project.replace(/[^a-zA-Z0-9]/g, '-'))
    expect(readdirSync(transcripts)).toContain(`${session_id}.jsonl`)
    const second = await runAgent(model, 'Which colour?', place, { options: { resume: session_id } })
    expect(resultOf(second)).toMatchObject({ result: 'You said blue.', session_id })
    const earlier = JSON.stringify(model.requests.at(-1)?.body)
    expect(earlier).toContain('My colour is blue')
    expect(earlier).toContain('Blue it is.')
  })

  itAlone('reports that there is no conversation to resume', async () => {
    const model = await serve([say('hello')])
    const resume = '11111111-1111-4111-8111-111111111111'
    const run = await runAgent(model, 'Go on', makePlace(), { options: { resume } })
    expect(resultOf(run)).toMatchObject({ subtype: 'error_during_execution', is_error: true })
    expect(run.error?.message).toContain(`No conversation found with session ID: ${resume}`)
    expect(model.requests).toEqual([])
  })
})

describe('when the model fails, the agent', () => {
  itAlone('retries an overloaded model, and reports that it waits', async () => {
    const overloaded: Step = { times: 1, reply: { error: 'overloaded_error', retryAfterSeconds: 0 } }
    const model = await serve([overloaded, say('Here I am.')])
    const run = await runAgent(model, 'Hello', makePlace())
    expect(outline(run.messages)).toEqual(['system:init', 'system:api_retry', 'assistant', 'result:success'])
    expect(
      run.messages.find((message) => 'subtype' in message && message.subtype === 'api_retry'),
    ).toMatchObject({
      attempt: 1,
      max_retries: 10,
      error_status: 529,
      error: 'overloaded',
    })
  })

  itAlone(
    'reports a refused key as a "success" that is an error: the subtype alone means nothing',
    async () => {
      const model = await serve([say('hello')], { apiKey: 'another-key' })
      const run = await runAgent(model, 'Hello', makePlace(), { env: noRetries })
      expect(resultOf(run)).toMatchObject({
        subtype: 'success',
        is_error: true,
        terminal_reason: 'api_error',
        api_error_status: 401,
      })
      expect(run.error?.message).toMatch(/invalid x-api-key|Invalid API key/)
    },
  )

  it('repeats the request without a stream when the stream was cut or broken', async () => {
    const kinds = process.env.MILLRACE_TEST_FULL
      ? (['cut', 'garbage', 'error'] as const)
      : (['garbage'] as const)
    for (const kind of kinds) {
      const content = [{ type: 'text' as const, text: ['part', 'ial'] }]
      const model = await serve([
        { times: 1, reply: { content, trouble: { kind, afterEvents: 3 } } },
        say('Whole again.'),
      ])
      const run = await runAgent(model, 'Hello', makePlace(), { env: oneRetry })
      expect(resultOf(run), kind).toMatchObject({ is_error: false, result: 'Whole again.' })
      expect(model.requests, kind).toHaveLength(2)
    }
  })

  it('leaves no process behind when it is aborted while the stream stalls', async () => {
    const content = [{ type: 'text' as const, text: ['part', 'ial'] }]
    const model = await serve([{ reply: { content, trouble: { kind: 'stall', afterEvents: 3 } } }])
    const abortController = new AbortController()
    const run = await runAgent(model, 'Hello', makePlace(), {
      options: { abortController },
      onMessage: (message) => {
        if (message.type === 'stream_event' && message.event.type === 'content_block_delta')
          abortController.abort()
      },
    })
    expect(run.error?.message).toContain('aborted')
    expect(run.pids).toHaveLength(1)
    expect(outline(run.messages)).not.toContain('result:success')
  })

  itAlone('ends at its budget or its turns, with a result that names the limit', async () => {
    const again: Step = {
      reply: {
        content: [{ type: 'tool_use', name: 'Bash', input: { command: 'true' } }],
        usage: { output_tokens: 100_000 },
      },
    }
    const model = await serve([again])
    const budget = await runAgent(model, 'Spend', makePlace(), { options: { maxBudgetUsd: 0.5 } })
    expect(resultOf(budget)).toMatchObject({ subtype: 'error_max_budget_usd', is_error: true })
    const turns = await runAgent(model, 'Turn', makePlace(), { options: { maxTurns: 2 } })
    expect(resultOf(turns)).toMatchObject({ subtype: 'error_max_turns', is_error: true })
  })
})
