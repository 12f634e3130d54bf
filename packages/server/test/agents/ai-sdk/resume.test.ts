import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ScriptedModel, Step } from '@millrace/scripted-model'
import { describe, expect, it } from 'vitest'
import type { AgentMove } from '#agents/moves'
import {
  CountingShell,
  type Format,
  formats,
  project,
  RecordingHost,
  reply,
  run,
  say,
  serve,
  start,
  use,
} from './support/executions.ts'

const story: Step[] = [
  reply({ turn: 1 }, [
    { type: 'thinking', thinking: 'Hm.' },
    use('plan', { goal: 'Make it work', phases: [{ name: 'Look' }, { name: 'Mend' }] }),
    use('phase', { phaseId: 'phase-1', status: 'active' }),
  ]),
  reply({ turn: 2 }, [
    say('I look.'),
    use('shell', { command: 'git status' }),
    use('shell', { command: 'git log' }),
  ]),
  reply({ turn: 3 }, [
    use('phase', { phaseId: 'phase-2', status: 'active' }),
    use('shell', { command: 'git diff' }),
  ]),
  reply({ turn: 4 }, [say('Done.')]),
  reply({ text: 'Go on.' }, [say('Done.')]),
]

/** A host whose process is killed once `commits` of it are on disk. */
class DyingHost extends RecordingHost {
  readonly died = Promise.withResolvers<void>()
  #left: number

  constructor(commits: number) {
    super(project)
    this.#left = commits
  }

  override report(moves: readonly AgentMove[]): Promise<void> {
    return this.#alive(() => super.report(moves))
  }

  override appendTranscript(...given: Parameters<RecordingHost['appendTranscript']>): Promise<void> {
    return this.#alive(() => super.appendTranscript(...given))
  }

  #alive(write: () => Promise<void>): Promise<void> {
    const before = this.commits.length
    if (!this.isGone && before === this.#left) {
      // The commit that is open at this moment still takes what belongs to it.
      queueMicrotask(() => {
        this.isGone = true
        this.died.resolve()
      })
    }
    return write()
  }
}

/** The messages of the last request, as the provider received them. */
function lastRequest(model: ScriptedModel): string {
  return JSON.stringify(model.requests.at(-1)?.body)
}

async function killedAfter(commits: number, format: Format, model: ScriptedModel, shell: CountingShell) {
  const host = new DyingHost(commits)
  const { agent } = await start(model, { format, host, tools: [shell], prompt: 'Mend it.' })
  await Promise.race([agent.ended, host.died.promise])
  agent.cancel(0)
  return host
}

describe.each(formats)('with the provider package of %s', (format) => {
  it('an execution repeats no completed call, wherever it was killed and resumed', async () => {
    const whole = await run(await serve(story), { format, tools: [new CountingShell()], prompt: 'Mend it.' })
    const commits = whole.host.commits.length
    expect(commits).toBeGreaterThan(10)
    for (let killed = 1; killed < commits; killed += 1) {
      const model = await serve(story)
      const shell = new CountingShell()
      const dead = await killedAfter(killed, format, model, shell)
      const completed = new Set(dead.of('tool-complete').map(({ toolCallId }) => toolCallId))
      const ranBefore = [...shell.ran]
      const { end, host } = await run(model, {
        format,
        tools: [shell],
        prompt: 'Go on.',
        resumes: dead.transcript,
      })
      const place = `killed after commit ${killed}`
      expect(end, place).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
      const again = shell.ran.slice(ranBefore.length)
      const started = dead.of('tool-start').map(({ params }) => (params as { command: string }).command)
      expect(
        again.filter((command) => started.includes(command)),
        place,
      ).toEqual([])
      const open = dead.of('tool-start').filter(({ toolCallId }) => !completed.has(toolCallId))
      const answers = (lastRequest(model).match(/outcome is unknown/g) ?? []).length
      expect(answers, `${place}: calls that were running`).toBe(open.length)
      if (dead.of('plan').length > 0)
        expect(host.moves[0], place).toMatchObject({ move: 'plan', goal: 'Make it work' })
    }
  })
})

describe('an execution', () => {
  it('an answer is stored before its calls run, and each result together with its event', async () => {
    const stored: number[] = []
    const shell = new CountingShell()
    const host = new RecordingHost(project)
    shell.behave = async function* (command) {
      stored.push(
        host.transcript.filter(({ json }) => json.includes(`"${command}"`) && json.includes('tool-call'))
          .length,
      )
      yield ''
      return { ok: true, text: `ran ${command}` }
    }
    await run(await serve(story), { host, tools: [shell] })
    expect(stored).toEqual([1, 1, 1])
    for (const { moves, entries } of host.commits) {
      const completed = moves.flatMap((move) => (move.move === 'tool-complete' ? [move.toolCallId] : []))
      const results = entries.flatMap(({ json }) => {
        const entry = JSON.parse(json) as { type: string; result?: { toolName: string; toolCallId: string } }
        return entry.type === 'result' && entry.result?.toolName === 'shell' ? [entry.result.toolCallId] : []
      })
      expect(results).toEqual(completed)
    }
  })

  it('no call runs before the answer that made it is on disk', async () => {
    const host = new RecordingHost(project)
    const disk = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const append = host.appendTranscript.bind(host)
    host.appendTranscript = async (entries) => {
      await append(entries)
      if (!entries.some(({ json }) => json.includes('"git status"'))) return
      reached.resolve()
      await disk.promise
    }
    const shell = new CountingShell()
    const { agent } = await start(await serve(story), { host, tools: [shell] })
    await reached.promise
    for (let turn = 0; turn < 20; turn += 1) await nextTurn()
    expect(shell.ran).toEqual([])
    disk.resolve()
    expect(await agent.ended).toMatchObject({ state: 'completed' })
    expect(shell.ran).toEqual(['git status', 'git log', 'git diff'])
  })

  it('a completed execution is resumed with a new prompt', async () => {
    const model = await serve([...story, reply({ text: 'And now?' }, [say('{{prompt}} Nothing.')])])
    const first = await run(model, { tools: [new CountingShell()], prompt: 'Mend it.' })
    const second = await run(model, { prompt: 'And now?', resumes: first.host.transcript })
    expect(second.end).toMatchObject({ state: 'completed', result: { text: 'And now? Nothing.' } })
    expect(lastRequest(model)).toContain('ran git status')
  })

  it('another provider that continues a conversation gets nothing that only the first one can read', async () => {
    const model = await serve(story)
    const first = await run(model, { format: 'anthropic', tools: [new CountingShell()], prompt: 'Mend it.' })
    const model2 = await serve([reply({ text: 'And now?' }, [say('Fine.')])])
    const second = await run(model2, { format: 'google', prompt: 'And now?', resumes: first.host.transcript })
    expect(second.end).toMatchObject({ state: 'completed', result: { text: 'Fine.' } })
    expect(lastRequest(model2)).not.toContain('Hm.')
  })

  it('a provider gets its own thoughts and no others, however often the conversation was resumed since', async () => {
    const thinks = (thinking: string, prompt: string) =>
      serve([reply({ text: prompt }, [{ type: 'thinking', thinking }, say('Fine.')]), ...story])
    const claude = await thinks('Claude thought.', 'Mend it.')
    const gemini = await thinks('Gemini thought.', 'And now?')
    const one = await run(claude, { format: 'anthropic', prompt: 'Mend it.' })
    const two = await run(gemini, { format: 'google', prompt: 'And now?', resumes: one.host.transcript })
    const known = [...one.host.transcript, ...two.host.transcript]
    await run(gemini, { format: 'google', prompt: 'And now?', resumes: known })
    expect(lastRequest(gemini)).toContain('Gemini thought.')
    expect(lastRequest(gemini)).not.toContain('Claude thought.')
    await run(claude, { format: 'anthropic', prompt: 'Mend it.', resumes: known })
    expect(lastRequest(claude)).toContain('Claude thought.')
    expect(lastRequest(claude)).not.toContain('Gemini thought.')
  })

  it('another provider that continues a conversation gets ids of calls that every provider accepts', async () => {
    const long = `chatcmpl-tool-${'0123456789abcdef'.repeat(3)}`
    const local = await serve([
      reply({ turn: 1 }, [
        use('shell', { command: 'git status' }, 'functions.shell:0'),
        use('shell', { command: 'git log' }, long),
      ]),
      reply({}, [say('Done.')]),
    ])
    const first = await run(local, { tools: [new CountingShell()] })
    const ids = first.host.of('tool-start').map(({ toolCallId }) => toolCallId)
    expect(ids).toEqual(['functions.shell:0', long])
    const others = await serve([reply({}, [say('Fine.')])])
    const second = await run(others, {
      format: 'anthropic',
      prompt: 'And now?',
      resumes: first.host.transcript,
    })
    const asked = others.requests.at(-1)?.body as
      | { messages: { content: Record<string, string>[] }[] }
      | undefined
    const blocks = asked?.messages.flatMap(({ content }) => content) ?? []
    const calls = blocks.flatMap(({ type, id }) => (type === 'tool_use' ? [id] : []))
    expect(calls).toHaveLength(2)
    for (const id of calls) expect(id).toMatch(/^[a-zA-Z0-9]{9}$/)
    expect(blocks.flatMap(({ tool_use_id: id }) => id ?? [])).toEqual(calls)
    const known = [...first.host.transcript, ...second.host.transcript]
    await run(local, { prompt: 'And now?', resumes: known })
    expect(lastRequest(local)).toContain('functions.shell:0')
  })

  it('a call that was running is answered for every provider that resumes the conversation later', async () => {
    const killed = new RecordingHost(project)
    const called = await serve([reply({}, [use('shell', { command: 'git status' }, 'toolu_01ABCDEFGHIJ')])])
    const shell = new CountingShell()
    const running = Promise.withResolvers<void>()
    shell.behave = async function* (_, { signal }) {
      yield ''
      killed.isGone = true
      running.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      return { ok: false, text: '' }
    }
    const dying = await start(called, { format: 'anthropic', host: killed, tools: [shell] })
    await running.promise
    dying.agent.cancel(0)
    const model = await serve([reply({}, [say('Fine.')])])
    const known = [...killed.transcript]
    for (const format of ['openai', 'anthropic', 'google', 'anthropic'] as const) {
      const { end, host } = await run(model, { format, prompt: 'Go on.', resumes: known })
      expect(end, format).toMatchObject({ state: 'completed', result: { text: 'Fine.' } })
      expect(lastRequest(model).match(/outcome is unknown/g), format).toHaveLength(1)
      known.push(...host.transcript)
    }
    expect(lastRequest(model).match(/toolu_01ABCDEFGHIJ/g), 'the call and its result').toHaveLength(2)
  })

  it('an answer of thoughts alone is not sent to another provider', async () => {
    const model = await serve([
      reply({ turn: 1 }, [{ type: 'thinking', thinking: 'Hm.' }]),
      reply({ turn: 2 }, [say('Done.')]),
      reply({ text: 'And now?' }, [say('Fine.')]),
    ])
    const first = await run(model, { format: 'anthropic' })
    await run(model, { format: 'google', prompt: 'And now?', resumes: first.host.transcript })
    const body = model.requests.at(-1)?.body as { contents: { parts: object[] }[] } | undefined
    const parts = body?.contents.map((each) => each.parts.length)
    expect(parts?.length).toBeGreaterThan(2)
    expect(parts).not.toContain(0)
  })

  it('an execution without a conversation of its own kind cannot be resumed', async () => {
    const model = await serve(story)
    for (const resumes of [[], [{ conversation: 'x', subpath: '', json: '{"type":"user"}' }]]) {
      const { end } = await run(model, { resumes })
      expect(end).toMatchObject({
        state: 'errored',
        reason: 'not_resumable',
        error: expect.stringContaining('resume'),
      })
    }
    expect(model.requests).toEqual([])
  })
})
