/** How agent sessions end: by their limits, by what their model's API does, by the server's end. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Run } from '@millrace/protocol'
import type { Script } from '@millrace/scripted-model'
import {
  type AgentPlace,
  eventsOf,
  placeFor,
  sessionStream,
  sessionToEnd,
  startSession,
} from '@millrace/test-support/agents'
import { processesOfRun } from '@millrace/test-support/processes'
import type { ServerProcess } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { curl } from './support/curl.ts'

const longWork: Script = {
  name: 'long work',
  steps: [
    {
      when: { text: { regex: '^long work (?<name>\\w+)$' } },
      reply: {
        content: [
          {
            type: 'tool_use',
            name: 'Write',
            input: { file_path: '{{cwd}}/notes.txt', content: 'begun {{match.name}}\n' },
          },
        ],
      },
    },
    {
      when: { prompt: 'long work', toolResult: { tool: 'Write' } },
      reply: {
        content: [{ type: 'text', text: ['The notes are written. ', 'Now the rest.'], hold: 'middle' }],
      },
    },
    {
      when: { text: 'interrupted' },
      reply: { content: [{ type: 'text', text: 'I continue where I was.' }] },
    },
    { when: { text: 'and once more' }, reply: { content: [{ type: 'text', text: 'Once more.' }] } },
  ],
}

/** Three sessions in three projects, each in the middle of an answer. */
async function threeInMidTurn(place: AgentPlace, server: ServerProcess) {
  const sessions = await Promise.all(
    ['a', 'b', 'c'].map(async (projectId) => {
      const { sessionId } = await startSession(server, { projectId, prompt: `long work ${projectId}` })
      return { projectId, id: sessionId, follower: curl(sessionStream(server, sessionId), server.token) }
    }),
  )
  await place.model.reached('middle', 3)
  place.model.release('middle', 3)
  for (const { follower } of sessions) {
    while (!JSON.stringify(eventsOf(follower.bytes())).includes('The notes are written.')) {
      await follower.untilFrames(follower.frames().length + 1)
    }
  }
  return sessions
}

/** Holds for each of them after the next start, whatever ended the server. */
async function expectInterrupted(server: ServerProcess, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await until(() => processesOfRun(id).length === 0)
    const { run } = await server.json<{ run: Run }>(`/api/runs/${id}`)
    expect(run).toMatchObject({ state: 'interrupted', project: expect.any(String) })
    const events = await sessionToEnd(server, id)
    expect(events.at(-1)).toMatchObject({
      type: 'interrupted',
      data: { sessionId: id, state: 'interrupted', reason: expect.any(String), error: expect.any(String) },
    })
    expect(events.filter(({ type }) => type === 'interrupted')).toHaveLength(1)
  }
  const { runs } = await server.json<{ runs: Run[] }>('/api/runs?kind=session&state=interrupted')
  expect(runs.map(({ id }) => id).sort()).toEqual([...ids].sort())
}

/** Prompts and answers in the newest request, in order. */
function conversation(place: AgentPlace): string {
  const body = place.model.requests.at(-1)?.body as { messages: unknown } | undefined
  return JSON.stringify(body?.messages)
}

/** What a server killed at this moment would have kept of a conversation. */
function transcriptOf({ dataDir }: AgentPlace, run: string): string {
  const db = new DatabaseSync(join(dataDir, 'millrace.db'), { readOnly: true })
  try {
    const entries = db.prepare(
      'SELECT json FROM transcripts JOIN runs ON runs.n = transcripts.run WHERE runs.id = ?',
    )
    return entries
      .all(run)
      .map(({ json }) => json)
      .join('\n')
  } finally {
    db.close()
  }
}

async function resume(server: ServerProcess, id: string, body?: object): Promise<Run> {
  const response = await server.call(`/api/runs/${id}/resume`, {
    method: 'POST',
    ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  })
  expect(response.status).toBe(201)
  return ((await response.json()) as { run: Run }).run
}

describe('the end of the server', () => {
  it('a server stopped by SIGTERM interrupts sessions in mid-turn, and a resumed one has the conversation', async () => {
    const place = await placeFor({ script: longWork, projects: ['a', 'b', 'c'] })
    const first = await place.start()
    const sessions = await threeInMidTurn(place, first)
    expect(await first.end('SIGTERM')).toBe(0)
    for (const { id, follower } of sessions) {
      expect(await follower.over).toEqual({ code: 0, status: 200 })
      expect(eventsOf(follower.bytes()).at(-1)).toMatchObject({
        type: 'interrupted',
        data: { sessionId: id, state: 'interrupted', reason: 'shutdown' },
      })
      expect(processesOfRun(id)).toEqual([])
    }

    const server = await place.start()
    const a = sessions[0] ?? expect.unreachable()
    await expectInterrupted(
      server,
      sessions.map(({ id }) => id),
    )
    const resumed = await resume(server, a.id)
    expect(resumed).toMatchObject({ resumes: a.id, project: 'a', kind: 'session' })
    expect((await sessionToEnd(server, resumed.id)).at(-1)).toMatchObject({ type: 'completed' })
    expect(conversation(place)).toMatch(/long work a.*notes\.txt.*interrupted/s)
    expect(conversation(place).split('long work a')).toHaveLength(2)

    // A chain resumes from its end.
    const again = await resume(server, resumed.id, { prompt: 'and once more' })
    expect((await sessionToEnd(server, again.id)).at(-1)).toMatchObject({ type: 'completed' })
    expect(conversation(place)).toMatch(/long work a.*I continue where I was\..*and once more/s)
  })

  it('a server killed with -9 has interrupted its sessions after the restart, and leaves no process', async () => {
    const place = await placeFor({ script: longWork, projects: ['a', 'b', 'c'] })
    const first = await place.start()
    const sessions = await threeInMidTurn(place, first)
    const exited = once(first.child, 'exit')
    // The SDK hands the transcript over in its own time.
    for (const { id } of sessions) await until(() => transcriptOf(place, id).includes('tool_result'))
    first.child.kill('SIGKILL')
    await exited

    const server = await place.start()
    const ids = sessions.map(({ id }) => id)
    await expectInterrupted(server, ids)
    const resumed = await resume(server, ids[1] as string)
    expect((await sessionToEnd(server, resumed.id)).at(-1)).toMatchObject({ type: 'completed' })
    expect(conversation(place)).toMatch(/long work b.*notes\.txt.*interrupted/s)
    expect(readFileSync(join(place.project('b'), 'notes.txt'), 'utf8')).toBe('begun b\n')
    // The others can be started anew.
    const retried = await server.call(`/api/runs/${ids[2]}/retry`, { method: 'POST' })
    expect(retried.status).toBe(201)
    await place.model.reached('middle', 4)
    place.model.release('middle', 2)
    const { run } = (await retried.json()) as { run: Run }
    expect((await sessionToEnd(server, run.id)).at(-1)).toMatchObject({ type: 'completed' })
  })
})

const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })
const again = {
  content: [{ type: 'tool_use' as const, name: 'Bash', input: { command: 'echo again' } }],
}
const tokens = (output_tokens: number) => ({
  input_tokens: 0,
  output_tokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
})

interface Ending {
  name: string
  /** Only in the full suite: agents/claude/engine/endings.test.ts makes the same claim without a server. */
  full?: true
  steps: Script['steps']
  agent?: Record<string, unknown>
  env?: Record<string, string>
  end: { type: string; reason?: string; error?: RegExp }
}

const endings: Ending[] = [
  {
    name: 'a session over its budget ends and names the budget',
    steps: [{ reply: { ...again, usage: tokens(1_000_000) } }],
    agent: { maxBudgetUsd: 1 },
    end: { type: 'errored', reason: 'error_max_budget_usd', error: /budget of \$1/ },
  },
  {
    name: 'a session over its turns ends and names their number',
    full: true,
    steps: [{ reply: again }],
    agent: { maxTurns: 3 },
    end: { type: 'errored', reason: 'error_max_turns', error: /3 turns/ },
  },
  {
    name: 'a session refused for its key ends at once, not after minutes of retries',
    full: true,
    steps: [{ reply: answer('never said') }],
    env: { ANTHROPIC_API_KEY: 'sk-made-up-and-wrong' },
    end: { type: 'errored', reason: 'authentication_failed', error: /ANTHROPIC_API_KEY/ },
  },
  {
    name: 'a session whose stream stalls ends after the time allowed',
    full: true,
    steps: [{ reply: { ...answer('half of it'), trouble: { kind: 'stall', afterEvents: 3 } } }],
    agent: { stallSeconds: 2 },
    end: { type: 'errored', reason: 'stalled', error: /2 s/ },
  },
  {
    name: 'a session completes although the API was overloaded for a while',
    full: true,
    steps: [{ times: 1, reply: { error: 'overloaded_error' } }, { reply: answer('at last') }],
    end: { type: 'completed' },
  },
  {
    name: 'a session errors when the API stays overloaded',
    full: true,
    steps: [{ reply: { error: 'overloaded_error' } }],
    agent: { env: { CLAUDE_CODE_MAX_RETRIES: '1' } },
    end: { type: 'errored', reason: 'api_error', error: /[Oo]verloaded|529/ },
  },
  {
    name: 'a session completes although a connection was cut',
    steps: [
      { times: 1, reply: { ...answer('half of it'), trouble: { kind: 'cut', afterEvents: 3 } } },
      { reply: answer('whole') },
    ],
    end: { type: 'completed' },
  },
]

describe('a session ends', () => {
  it.each(endings.filter((each) => !each.full || process.env.MILLRACE_TEST_FULL))(
    '$name',
    async ({ steps, agent, env, end }) => {
      const place = await placeFor({ script: { name: 'trouble', steps }, config: agent ? { agent } : {} })
      const server = await place.start(env === undefined ? {} : { env })
      const { sessionId } = await startSession(server, { prompt: 'go' })
      const last = (await sessionToEnd(server, sessionId)).at(-1)
      expect(last?.type).toBe(end.type)
      if (end.reason !== undefined) expect(last?.data.reason).toBe(end.reason)
      if (end.error !== undefined) expect(last?.data.error).toMatch(end.error)
      await until(() => processesOfRun(sessionId).length === 0)
    },
  )
})
