/** How agent sessions end: by their limits, by what their model's API does, by the server's end. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Run } from '@millrace/protocol'
import type { Script } from '@millrace/scripted-model'
import {
  type AgentPlace,
  agentPlace,
  eventsOf,
  placeFor,
  sessionStream,
  sessionToEnd,
  startSession,
} from '@millrace/test-support/agents'
import { processesOfRun } from '@millrace/test-support/processes'
import type { ServerProcess } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { curl } from './support/curl.ts'

/** Where the sessions of a test wait in the middle of an answer; each test has a place of its own. */
type Middle = 'stopped' | 'killed'

const longWork = (middle: Middle): Script['steps'] => [
  {
    when: { text: { regex: `^long work, ${middle}, (?<name>\\w+)$` } },
    reply: {
      content: [
        {
          type: 'tool_use',
          name: 'Write',
          input: { file_path: '{{cwd}}/notes.txt', content: `${middle} {{match.name}}\n` },
        },
      ],
    },
  },
  {
    when: { prompt: `long work, ${middle}`, toolResult: { tool: 'Write' } },
    reply: {
      content: [{ type: 'text', text: ['The notes are written. ', 'Now the rest.'], hold: middle }],
    },
  },
]

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

const script: Script = {
  name: 'sessions that end',
  steps: [
    ...longWork('stopped'),
    ...longWork('killed'),
    { when: { text: 'interrupted' }, reply: answer('I continue where I was.') },
    { when: { text: 'and once more' }, reply: answer('Once more.') },
    { when: { prompt: 'spend it' }, reply: { ...again, usage: tokens(1_000_000) } },
    {
      when: { prompt: 'be cut' },
      times: 1,
      reply: { ...answer('half of it'), trouble: { kind: 'cut', afterEvents: 3 } },
    },
    { when: { prompt: 'be cut' }, reply: answer('whole') },
  ],
}

let place: AgentPlace
let server: ServerProcess
beforeAll(async () => {
  place = await agentPlace({ script, projects: ['a', 'b'], config: { agent: { maxBudgetUsd: 1 } } })
  server = await place.start()
})
afterAll(() => place.dispose())

/** Two sessions in two projects, each in the middle of an answer. */
async function twoInMidTurn(middle: Middle) {
  const sessions = await Promise.all(
    ['a', 'b'].map(async (projectId) => {
      const { sessionId } = await startSession(server, {
        projectId,
        prompt: `long work, ${middle}, ${projectId}`,
      })
      return { projectId, id: sessionId, follower: curl(sessionStream(server, sessionId), server.token) }
    }),
  )
  await place.model.reached(middle, 2)
  place.model.release(middle, 2)
  for (const { follower } of sessions) {
    while (!JSON.stringify(eventsOf(follower.bytes())).includes('The notes are written.')) {
      await follower.untilFrames(follower.frames().length + 1)
    }
  }
  return sessions
}

const interrupted: string[] = []

/** Holds for each of them after the next start, whatever ended the server. */
async function expectInterrupted(ids: readonly string[]): Promise<void> {
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
  interrupted.push(...ids)
  expect(runs.map(({ id }) => id).sort()).toEqual(interrupted.toSorted())
}

/** Prompts and answers in the newest request, in order. */
function conversation(): string {
  const body = place.model.requests.at(-1)?.body as { messages: unknown } | undefined
  return JSON.stringify(body?.messages)
}

/** What a server killed at this moment would have kept of a conversation. */
function transcriptOf(run: string): string {
  const db = new DatabaseSync(join(place.dataDir, 'millrace.db'), { readOnly: true })
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

async function resume(id: string, body?: object): Promise<Run> {
  const response = await server.call(`/api/runs/${id}/resume`, {
    method: 'POST',
    ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  })
  expect(response.status).toBe(201)
  return ((await response.json()) as { run: Run }).run
}

describe('the end of the server', () => {
  it('a server stopped by SIGTERM interrupts sessions in mid-turn, and a resumed one has the conversation', async () => {
    const sessions = await twoInMidTurn('stopped')
    expect(await server.end('SIGTERM')).toBe(0)
    for (const { id, follower } of sessions) {
      expect(await follower.over).toEqual({ code: 0, status: 200 })
      expect(eventsOf(follower.bytes()).at(-1)).toMatchObject({
        type: 'interrupted',
        data: { sessionId: id, state: 'interrupted', reason: 'shutdown' },
      })
      expect(processesOfRun(id)).toEqual([])
    }

    server = await place.start()
    const a = sessions[0] ?? expect.unreachable()
    await expectInterrupted(sessions.map(({ id }) => id))
    const resumed = await resume(a.id)
    expect(resumed).toMatchObject({ resumes: a.id, project: 'a', kind: 'session' })
    expect((await sessionToEnd(server, resumed.id)).at(-1)).toMatchObject({ type: 'completed' })
    expect(conversation()).toMatch(/long work, stopped, a.*notes\.txt.*interrupted/s)
    expect(conversation().split('long work, stopped, a')).toHaveLength(2)

    // A chain resumes from its end.
    const again = await resume(resumed.id, { prompt: 'and once more' })
    expect((await sessionToEnd(server, again.id)).at(-1)).toMatchObject({ type: 'completed' })
    expect(conversation()).toMatch(/long work, stopped, a.*I continue where I was\..*and once more/s)
  })

  it('a server killed with -9 has interrupted its sessions after the restart, and leaves no process', async () => {
    const sessions = await twoInMidTurn('killed')
    // The SDK hands the transcript over in its own time.
    for (const { id } of sessions) await until(() => transcriptOf(id).includes('tool_result'))
    await server.end('SIGKILL')

    server = await place.start()
    const ids = sessions.map(({ id }) => id)
    await expectInterrupted(ids)
    const resumed = await resume(ids[1] as string)
    expect((await sessionToEnd(server, resumed.id)).at(-1)).toMatchObject({ type: 'completed' })
    expect(conversation()).toMatch(/long work, killed, b.*notes\.txt.*interrupted/s)
    expect(readFileSync(join(place.project('b'), 'notes.txt'), 'utf8')).toBe('killed b\n')
    // The other one can be started anew.
    place.model.release('killed', Number.POSITIVE_INFINITY)
    const retried = await server.call(`/api/runs/${ids[0]}/retry`, { method: 'POST' })
    expect(retried.status).toBe(201)
    const { run } = (await retried.json()) as { run: Run }
    expect((await sessionToEnd(server, run.id)).at(-1)).toMatchObject({ type: 'completed' })
  })
})

interface Ending {
  name: string
  steps: Script['steps']
  agent?: Record<string, unknown>
  env?: Record<string, string>
  end: { type: string; reason?: string; error?: RegExp }
}

const endings: Ending[] = [
  {
    name: 'a session over its turns ends and names their number',
    steps: [{ reply: again }],
    agent: { maxTurns: 3 },
    end: { type: 'errored', reason: 'error_max_turns', error: /3 turns/ },
  },
  {
    name: 'a session refused for its key ends at once, not after minutes of retries',
    steps: [{ reply: answer('never said') }],
    env: { ANTHROPIC_API_KEY: 'sk-made-up-and-wrong' },
    end: { type: 'errored', reason: 'authentication_failed', error: /ANTHROPIC_API_KEY/ },
  },
  {
    name: 'a session whose stream stalls ends after the time allowed',
    steps: [{ reply: { ...answer('half of it'), trouble: { kind: 'stall', afterEvents: 3 } } }],
    agent: { stallSeconds: 2 },
    end: { type: 'errored', reason: 'stalled', error: /2 s/ },
  },
  {
    name: 'a session completes although the API was overloaded for a while',
    steps: [{ times: 1, reply: { error: 'overloaded_error' } }, { reply: answer('at last') }],
    end: { type: 'completed' },
  },
  {
    name: 'a session errors when the API stays overloaded',
    steps: [{ reply: { error: 'overloaded_error' } }],
    agent: { env: { CLAUDE_CODE_MAX_RETRIES: '1' } },
    end: { type: 'errored', reason: 'api_error', error: /[Oo]verloaded|529/ },
  },
]

describe('a session ends', () => {
  it('a session over its budget ends and names the budget', async () => {
    const { sessionId } = await startSession(server, { projectId: 'a', prompt: 'spend it' })
    const last = (await sessionToEnd(server, sessionId)).at(-1)
    expect(last).toMatchObject({ type: 'errored', data: { reason: 'error_max_budget_usd' } })
    expect(last?.data.error).toMatch(/budget of \$1/)
    await until(() => processesOfRun(sessionId).length === 0)
  })

  it('a session completes although a connection was cut', async () => {
    const { sessionId } = await startSession(server, { projectId: 'b', prompt: 'be cut' })
    expect((await sessionToEnd(server, sessionId)).at(-1)?.type).toBe('completed')
    await until(() => processesOfRun(sessionId).length === 0)
  })

  // Each needs a server of its own. `agents/claude/engine/endings.test.ts` makes the same claims without one.
  it.runIf(process.env.MILLRACE_TEST_FULL).each(endings)('$name', async ({ steps, agent, env, end }) => {
    const alone = await placeFor({ script: { name: 'trouble', steps }, config: agent ? { agent } : {} })
    const its = await alone.start(env === undefined ? {} : { env })
    const { sessionId } = await startSession(its, { prompt: 'go' })
    const last = (await sessionToEnd(its, sessionId)).at(-1)
    expect(last?.type).toBe(end.type)
    if (end.reason !== undefined) expect(last?.data.reason).toBe(end.reason)
    if (end.error !== undefined) expect(last?.data.error).toMatch(end.error)
    await until(() => processesOfRun(sessionId).length === 0)
  })
})
