/** A session from its start to its end: the real SDK process in the real sandbox, a scripted model. */
import { spawnSync } from 'node:child_process'
import { chownSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { demoProject, demoScript, loadScript } from '@millrace/scripted-model'
import { isRoot, ordinaryUser } from '@millrace/test-support/workspace'
import { describe, expect, it } from 'vitest'
import type { RecordingContext } from '#test/agents/claude/support/context'
import { openSessions, say, serve, use } from '#test/agents/claude/support/sessions'

const sessions = openSessions()
const isFull = process.env.MILLRACE_TEST_FULL !== undefined
const file = (name: string) => join(sessions.project, name)

function deltasOf(context: RecordingContext): string[] {
  return context.of('stream_event').flatMap(({ event }) => {
    const { type, delta } = event as { type: string; delta?: { text?: string } }
    return type === 'content_block_delta' && delta?.text !== undefined ? [delta.text] : []
  })
}

describe('a session', () => {
  it('a session logs every message unchanged, and its result is what the agent said last', async () => {
    const model = await serve([
      use('Write', { file_path: '{{cwd}}/made.txt', content: 'by a script' }),
      {
        when: { turn: 2 },
        reply: {
          content: [{ type: 'text', text: ['All', ' done'] }],
          usage: { input_tokens: 1000, output_tokens: 500 },
        },
      },
    ])
    const { context, outcome } = await sessions.run(model, { prompt: 'Write a file' })
    expect(readFileSync(file('made.txt'), 'utf8')).toBe('by a script')
    expect(context.outline).toEqual(['system:init', 'assistant', 'user', 'assistant', 'result:success'])
    expect(deltasOf(context)).toEqual(['All', ' done'])
    expect(outcome).toMatchObject({
      state: 'completed',
      data: { sessionId: context.run.id, state: 'completed' },
      error: null,
      result: { text: 'All done', sessionId: context.run.id, subtype: 'success', numTurns: 2 },
      usage: { inputTokens: 1000, outputTokens: 500, cacheReadTokens: 0, turns: 2 },
    })
    expect(outcome.usage?.costUsd).toBeGreaterThan(0)
    expect(context.of('system')[0]).toMatchObject({ session_id: context.run.id, cwd: sessions.project })
    expect(context.startedWith).toEqual({ boundary: 'bubblewrap' })
    expect(context.process?.pid).toBeGreaterThan(0)
  })

  it('the model reads that a file it made was taken out of the project', async () => {
    // The policy refuses a command that says so.
    writeFileSync(
      file('make.sh'),
      'echo "{}" > .mcp.json; while [ -e .mcp.json ]; do sleep 0.05; done; sleep 0.2',
    )
    const model = await serve([use('Bash', { command: 'sh make.sh' }), say('I see.')])
    const { outcome } = await sessions.run(model, { prompt: 'Configure a server' })
    expect(outcome.state).toBe('completed')
    expect(JSON.stringify(model.requests.at(-1)?.body)).toContain(
      'Millrace moved .mcp.json out of the project',
    )
    expect(readdirSync(sessions.project)).not.toContain('.mcp.json')
  })

  // By default, the tests of the scripted model and of the console have the demo repair it, the one without a sandbox.
  it.runIf(isFull)('the demo repairs the sample project, with and without a sandbox', async () => {
    const script = { ...loadScript(demoScript), pauseMs: 0 }
    for (const sandbox of [undefined, sessions.loose]) {
      cpSync(demoProject, sessions.project, { recursive: true })
      for (const name of readdirSync(sessions.project, { recursive: true, encoding: 'utf8' })) {
        if (isRoot) chownSync(file(name), ordinaryUser.uid, ordinaryUser.gid)
      }
      expect(testsPass()).toBe(false)
      const model = await serve([], { script })
      const { context, outcome } = await sessions.run(model, {
        prompt: 'Fix the failing test',
        options: { model: { baseUrl: model.url, apiKey: undefined, demo: true } },
        ...(sandbox === undefined ? {} : { sandbox }),
      })
      // Outside, nobody can be asked about the command that cannot be read: the plain one takes its place.
      expect(context.of('permission:denied')).toHaveLength(sandbox === undefined ? 0 : 1)
      expect(outcome).toMatchObject({ state: 'completed', usage: { costUsd: 0 } })
      expect(testsPass()).toBe(true)
      rmSync(file('src'), { recursive: true })
    }
  })

  it('concurrent sessions each have events and a conversation of their own', async () => {
    const model = await serve([say('I am {{prompt}}.')])
    const names = ['Ada', 'Bea']
    const all = await Promise.all(names.map((prompt) => sessions.run(model, { prompt })))
    for (const [index, { context, outcome }] of all.entries()) {
      expect(outcome.result).toMatchObject({ text: `I am ${names[index]}.`, sessionId: context.run.id })
      expect(new Set(context.transcript.map(({ conversation }) => conversation))).toEqual(
        new Set([context.run.id]),
      )
    }
  })
})

function testsPass(): boolean {
  return spawnSync('npm', ['test'], { cwd: sessions.project }).status === 0
}
