import { describe, expect, it } from 'vitest'
import { CountingShell, formats, reply, run, say, serve, use } from './support/executions.ts'

const usage = { input_tokens: 100, output_tokens: 10 }

describe.each(formats)('with the provider package of %s a subtask', (format) => {
  it('works within its call, with the same tools and limits, and returns its answer', async () => {
    const model = await serve([
      reply({ prompt: 'Do it.', turn: 1 }, [use('task', { title: 'Part', prompt: 'Do the part.' })], {
        usage,
      }),
      reply({ prompt: 'Do the part.', turn: 1 }, [say('Part: '), use('shell', { command: 'git status' })], {
        usage,
      }),
      reply({ prompt: 'Do the part.', turn: 2 }, [say('The part is done.')], { usage }),
      reply({ turn: 2, toolResult: { tool: 'task', text: 'The part is done.' } }, [say('Done.')], { usage }),
    ])
    const shell = new CountingShell()
    const { host, end } = await run(model, { format, tools: [shell] })
    expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
    expect(end.usage).toMatchObject({ tokens: { inputTokens: 400 } })
    const [task, inner] = host.of('tool-start')
    expect(task).toMatchObject({ toolName: 'task' })
    expect(task).not.toHaveProperty('parentToolCallId')
    expect(inner).toMatchObject({ toolName: 'shell', parentToolCallId: task?.toolCallId })
    expect(host.of('text')[0]).toMatchObject({ text: 'Part: ', parentToolCallId: task?.toolCallId })
    expect(host.of('tool-complete').at(-1)).toMatchObject({
      toolCallId: task?.toolCallId,
      status: 'ok',
      result: 'The part is done.',
    })
    const ids = new Set(host.of('text').map(({ messageId }) => messageId))
    expect(ids.size, 'every text is a message of its own').toBe(3)
  })
})

describe('a subtask', () => {
  const nested = use('task', { title: 'Deeper', prompt: 'Do it.' })

  it('may have a subtask, which may have none', async () => {
    const model = await serve([reply({ turn: 1 }, [nested]), reply({ turn: 2 }, [say('Done.')])])
    const { host, end } = await run(model)
    expect(end).toMatchObject({ state: 'completed' })
    const offered = model.requests.map(({ body }) =>
      (body as { tools?: { function: { name: string } }[] }).tools?.map((each) => each.function.name),
    )
    expect(offered.slice(0, 3)).toEqual([['plan', 'phase', 'task'], ['task'], undefined])
    const starts = host.of('tool-start')
    expect(starts).toHaveLength(3)
    expect(host.of('tool-complete')[0], 'the call below the deepest agent').toMatchObject({ status: 'error' })
  })

  it('that reaches a limit ends the whole execution, and the calls beside it', async () => {
    const model = await serve([
      reply({ prompt: 'Do it.', turn: 1 }, [
        use('task', { title: 'Part', prompt: 'Never end.' }),
        use('shell', { command: 'git log' }),
      ]),
      reply({ prompt: 'Never end.' }, [use('shell', { command: 'git status' })]),
    ])
    const shell = new CountingShell()
    shell.behave = async function* (command, { signal }) {
      yield ''
      if (command === 'git log') await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return { ok: true, text: 'ran' }
    }
    const { end } = await run(model, { tools: [shell], limits: { iterations: 5 } })
    expect(end).toMatchObject({ state: 'errored', reason: 'max_iterations' })
    expect(model.requests).toHaveLength(5)
  })

  it('that the provider fails is a failed call', async () => {
    const model = await serve([
      reply({ prompt: 'Do it.', turn: 1 }, [use('task', { title: 'Part', prompt: 'Fail.' })]),
      { when: { prompt: 'Fail.' }, reply: { error: 'api_error', message: 'it broke' } },
      reply({ turn: 2, toolResult: { text: 'it broke' } }, [say('Done.')]),
    ])
    const { end, host } = await run(model)
    expect(end).toMatchObject({ state: 'completed' })
    expect(host.of('tool-complete')).toMatchObject([{ status: 'error' }])
  })
})
