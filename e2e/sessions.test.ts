/** Agent sessions as a whole: the program, the agent SDK's process in the sandbox, real tools, a scripted model. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '@millrace/protocol'
import type { Script } from '@millrace/scripted-model'
import {
  type AgentPlace,
  agentPlace,
  eventsOf,
  giveAway,
  modelKey,
  sessionStream,
  sessionToEnd,
  startSession,
  toolResults,
} from '@millrace/test-support/agents'
import { processesWith } from '@millrace/test-support/processes'
import { post, type ServerProcess } from '@millrace/test-support/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { curl } from './support/curl.ts'

const script: Script = {
  name: 'sessions as a whole',
  steps: [
    {
      when: { text: 'write slowly' },
      reply: {
        content: [
          { type: 'text', text: ['First ', 'second ', 'third.'], hold: 'delta' },
          {
            type: 'tool_use',
            name: 'Write',
            input: { file_path: '{{cwd}}/made.txt', content: 'by an agent\n' },
          },
        ],
        usage: {
          input_tokens: 100,
          output_tokens: 20,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
        },
      },
    },
    {
      when: { prompt: 'write slowly', toolResult: { tool: 'Write' } },
      reply: {
        content: [{ type: 'text', text: 'Written.' }],
        usage: {
          input_tokens: 120,
          output_tokens: 5,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
        },
      },
    },
    {
      when: { text: 'wait for me' },
      reply: { content: [{ type: 'text', text: ['I am ', 'waiting.'], hold: 'wait' }] },
    },
    {
      when: { text: { regex: '^call (?<tool>\\w+) (?<command>[\\s\\S]+)$' } },
      reply: {
        content: [{ type: 'tool_use', name: '{{match.tool}}', input: { command: '{{match.command}}' } }],
      },
    },
    { when: { toolResult: {} }, reply: { content: [{ type: 'text', text: 'Done: {{result}}' }] } },
    { when: { text: 'say hello' }, reply: { content: [{ type: 'text', text: 'Hello.' }] } },
  ],
}

let place: AgentPlace
let server: ServerProcess

beforeAll(async () => {
  place = await agentPlace({ script, projects: ['web', 'shop'] })
  server = await place.start()
})
afterAll(() => place.dispose())

describe('a session over HTTP', () => {
  it('a session streams each delta before the next is produced, completes, and reads the same to late clients', async () => {
    const { status, success, sessionId } = await startSession(server, { prompt: 'write slowly' })
    expect([status, success]).toEqual([201, true])
    const early = curl(sessionStream(server, sessionId), server.token)
    const deltas = () =>
      eventsOf(early.bytes()).flatMap(({ type, data }) =>
        type === 'stream_event' &&
        data.event.type === 'content_block_delta' &&
        data.event.delta.type === 'text_delta'
          ? [data.event.delta.text]
          : [],
      )
    const seen = async (count: number) => {
      while (deltas().length < count) await early.untilFrames(early.frames().length + 1)
    }
    for (const [at, text] of ['First ', 'second ', 'third.'].entries()) {
      // A delta is produced only once it is released, so one that is here now arrived before the next.
      await place.model.reached('delta', at + 1)
      expect(deltas()).toHaveLength(at)
      place.model.release('delta')
      await seen(at + 1)
      expect(deltas()[at]).toBe(text)
    }
    expect(await early.over).toEqual({ code: 0, status: 200 })

    const events = eventsOf(early.bytes())
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1))
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set([
        'run:queued',
        'run:started',
        'system',
        'stream_event',
        'assistant',
        'user',
        'result',
        'completed',
      ]),
    )
    expect(events.at(-1)).toMatchObject({ type: 'completed', data: { sessionId, state: 'completed' } })
    expect(readFileSync(join(place.project(), 'made.txt'), 'utf8')).toBe('by an agent\n')
    // As the owner of the project, also where the server is root.
    expect(statSync(join(place.project(), 'made.txt')).uid).toBe(statSync(place.project()).uid)

    const late = curl(sessionStream(server, sessionId), server.token)
    await late.over
    expect(late.frames()).toEqual(early.frames())
    const { run } = await server.json<{ run: Run }>(`/api/runs/${sessionId}`)
    expect(run).toMatchObject({
      kind: 'session',
      project: 'web',
      state: 'completed',
      usage: { inputTokens: 220, outputTokens: 25, turns: 2 },
      error: null,
    })
    expect(processesWith(sessionId)).toEqual([])
  })

  it('one session at a time runs in a project, however many are started at once', async () => {
    const starts = await Promise.all(
      Array.from({ length: 20 }, () => startSession(server, { prompt: 'wait for me' })),
    )
    const started = starts.filter(({ status }) => status === 201)
    expect(started).toHaveLength(1)
    const refused = starts.filter(({ status }) => status !== 201)
    expect(new Set(refused.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([
        JSON.stringify({ status: 400, success: false, error: 'Project already has an active agent session' }),
      ]),
    )
    const { sessionId } = started[0] ?? expect.unreachable()
    const other = await startSession(server, { prompt: 'say hello', projectId: 'shop' })
    expect((await sessionToEnd(server, other.sessionId)).at(-1)).toMatchObject({ type: 'completed' })

    const abort = () => server.call(`/api/agent/test/abort/${sessionId}`, { method: 'POST' })
    const aborted = await abort()
    expect([aborted.status, await aborted.json()]).toEqual([200, { success: true }])
    expect((await sessionToEnd(server, sessionId)).at(-1)).toMatchObject({
      type: 'aborted',
      data: { sessionId, state: 'aborted' },
    })
    expect((await abort()).status).toBe(409)
    expect(processesWith(sessionId)).toEqual([])
    const next = await startSession(server, { prompt: 'say hello' })
    expect(next.status).toBe(201)
    await sessionToEnd(server, next.sessionId)
  })
})

describe('the policy', () => {
  it('the policy tells the agent why a call is denied, and logs it once in each log; allowed calls are not logged', async () => {
    const denied = await startSession(server, { prompt: 'call Bash rm -rf /usr/share/doc' })
    const events = await sessionToEnd(server, denied.sessionId)
    const refusals = events.filter(({ type }) => type === 'permission:denied')
    expect(refusals).toHaveLength(1)
    const { reason, tool, input } = refusals[0]?.data ?? {}
    expect([tool, input]).toMatchObject(['Bash', { command: 'rm -rf /usr/share/doc' }])
    expect(toolResults(events)).toEqual([{ text: expect.stringContaining(reason), isError: true }])
    const lines = () =>
      server
        .log()
        .split('\n')
        .filter((line) => line.includes(denied.sessionId) && line.includes('denied'))
    expect(lines()).toHaveLength(1)

    const allowed = await startSession(server, { prompt: 'call Bash echo allowed' })
    const quiet = await sessionToEnd(server, allowed.sessionId)
    expect(toolResults(quiet)).toEqual([{ text: 'allowed', isError: false }])
    expect(quiet.filter(({ type }) => type.startsWith('permission:'))).toEqual([])
    const logged = server
      .log()
      .split('\n')
      .filter((line) => line.includes(allowed.sessionId))
    expect(logged.filter((line) => line.includes('Bash'))).toEqual([])
  })

  it('the policy asks people where configured, and the first answer wins', async () => {
    const asking = await agentPlace({
      script,
      config: { policy: { unreadableBash: 'ask', approvals: 'on' } },
    })
    try {
      const server = await asking.start()
      const start = async (command: string) => {
        const { sessionId } = await startSession(server, { prompt: `call Bash ${command}` })
        const follower = curl(sessionStream(server, sessionId), server.token)
        const question = async () => {
          for (;;) {
            const asked = eventsOf(follower.bytes()).find(({ type }) => type === 'permission:requested')
            if (asked !== undefined) return asked.data
            await follower.untilFrames(follower.frames().length + 1)
          }
        }
        return { sessionId, follower, question: await question() }
      }
      const answer = (run: string, approval: string, body: object) =>
        server.call(`/api/runs/${run}/approvals/${approval}`, post(body))

      const yes = await start('eval "$(echo echo approved)"')
      expect(yes.question).toMatchObject({ tool: 'Bash', expiresAt: expect.any(Number) })
      const answers = await Promise.all(
        Array.from({ length: 5 }, () =>
          answer(yes.sessionId, yes.question.approvalId, { decision: 'allow' }),
        ),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409])
      await yes.follower.over
      const approved = eventsOf(yes.follower.bytes())
      expect(toolResults(approved)).toEqual([{ text: 'approved', isError: false }])
      expect(approved.filter(({ type }) => type === 'permission:resolved')).toHaveLength(1)

      const no = await start('eval "$(echo echo refused > proof)"')
      expect(
        (await answer(no.sessionId, no.question.approvalId, { decision: 'deny', message: 'not today' }))
          .status,
      ).toBe(200)
      await no.follower.over
      expect(toolResults(eventsOf(no.follower.bytes()))).toEqual([
        { text: expect.stringContaining('not today'), isError: true },
      ])
      expect(() => statSync(join(asking.project(), 'proof'))).toThrow()

      const left = await start('eval "$(echo echo withdrawn)"')
      await server.call(`/api/agent/test/abort/${left.sessionId}`, { method: 'POST' })
      await left.follower.over
      expect(eventsOf(left.follower.bytes()).slice(-2)).toMatchObject([
        { type: 'permission:resolved', data: { decision: 'deny', by: 'withdrawn' } },
        { type: 'aborted' },
      ])
      expect((await answer(left.sessionId, left.question.approvalId, { decision: 'allow' })).status).toBe(409)
      expect((await answer(left.sessionId, randomUUID(), { decision: 'allow' })).status).toBe(404)
    } finally {
      await asking.dispose()
    }
  })
})

describe('what a session must not know', () => {
  it('a session’s processes can read no secret, and the model’s key is in no event and no log', async () => {
    const canary = `canary-${randomUUID()}`
    const place = await agentPlace({ script })
    try {
      const home = join(place.path, 'home')
      mkdirSync(home)
      writeFileSync(join(home, 'secret'), canary)
      writeFileSync(join(place.dataDir, 'secret'), canary)
      const probe = join(place.project(), 'probe.sh')
      const places = [place.dataDir, home, place.path, '/root', '/etc/shadow', '/proc/1/root', '/run'].join(
        ' ',
      )
      writeFileSync(
        probe,
        `#!/bin/sh
env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'
find ${places} -maxdepth 3 -type f 2>/dev/null | head -500 | while read -r file; do cat "$file" 2>/dev/null; done
echo probed
`,
        { mode: 0o755 },
      )
      giveAway(probe)
      const server = await place.start({
        env: { HOME: home, OTHER_SECRET: canary, MILLRACE_TOKEN: `${canary}-token` },
      })
      const { sessionId } = await startSession(server, {
        prompt:
          'call Bash ./probe.sh | grep -a -o -E "ANTHROPIC_[A-Z_]+|canary-[0-9a-f-]+|probed|sk-made-up[0-9a-z-]+" | sort -u',
      })
      const events = await sessionToEnd(server, sessionId)
      const [result] = toolResults(events)
      // The door of its own that it has to the model, and nothing behind it.
      expect(result).toMatchObject({ isError: false })
      expect(result?.text.split('\n').filter((line) => !line.startsWith('ANTHROPIC_'))).toEqual(['probed'])
      expect(result?.text).toContain('ANTHROPIC_BASE_URL')
      expect(JSON.stringify(events)).not.toContain(canary)
      for (const secret of [modelKey, canary]) expect(server.log()).not.toContain(secret)
      expect(place.model.requests.length).toBeGreaterThan(0)
    } finally {
      await place.dispose()
    }
  })
})
