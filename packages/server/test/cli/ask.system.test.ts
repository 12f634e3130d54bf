import type { Run } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { place, run, start } from './child.ts'
import {
  after,
  frame,
  json,
  openStream,
  problem,
  runOf,
  type ScriptedEvent,
  scriptedServer,
} from './scripted-server.ts'
import * as log from './session-log.ts'

const projects = [{ id: 'web' }]
const agent = { available: true, demo: false }
const told = [
  { type: 'run:queued', data: {} },
  { type: 'run:started', data: {} },
  log.init,
  ...log.answer([log.text('Fixed.'), log.call('Bash', { command: 'npm test' })], (text) => text.split('')),
  log.results('pass 1'),
  log.result(),
]

interface Options {
  events?: readonly log.Said[]
  projects?: { id: string }[]
  change?: Partial<Run>
}

/** A server whose one session says what the test wants. */
async function serverWith(options: Options = {}) {
  const where = place()
  const record = runOf({ kind: 'session', spec: { project: 'web', prompt: 'Fix it' }, ...options.change })
  const events: ScriptedEvent[] = log.logOf(options.events ?? [...told, log.ended('completed')])
  const started = (response: Parameters<typeof json>[0]) => json(response, 201, { run: record })
  const old = '00000000-0000-4000-8000-000000000001'
  const approval = { approvalId: '00000000-0000-4000-8000-000000000002', decision: 'allow', by: 'person' }
  const server = await scriptedServer({
    'GET /api/projects': (response) => json(response, 200, { projects: options.projects ?? projects, agent }),
    'POST /api/runs': started,
    [`POST /api/runs/${old}/resume`]: started,
    [`POST /api/runs/${old}/retry`]: started,
    [`POST /api/runs/${old}/fork`]: started,
    [`POST /api/runs/${old}/approvals/q1`]: (response) => json(response, 200, { approval }),
    [`POST /api/runs/${old}/approvals/q2`]: (response) =>
      problem(response, 409, 'It was answered by ann already'),
    [`GET /api/runs/${record.id}`]: (response) => json(response, 200, { run: record }),
    [`GET /api/runs/${record.id}/events`]: (response, seen) => {
      openStream(response)
      response.end(after(events, seen).map(frame).join(''))
    },
  })
  server.writeCard(where.dataDir)
  return { where, record, server, old, events, approval }
}

const posted = (server: { seen: { method: string; body: unknown }[] }) =>
  server.seen.filter(({ method }) => method === 'POST').map(({ body }) => body)

describe('millrace ask', () => {
  it('ask starts a session in the only project and shows it to its end', async () => {
    const { where, server, record } = await serverWith()
    expect(await run(['ask', 'Fix it'], where)).toEqual({
      code: 0,
      signal: null,
      stdout: 'Fixed.\n',
      stderr: [
        `-- run ${record.id}`,
        '-- Fix it',
        '-- queued',
        '-- started',
        '-- model model-1',
        '● Bash npm test',
        '  pass 1',
        '-- 2 turns, $0.0123, 3.2 s',
        '-- 1 command',
        '-- completed',
        '',
      ].join('\n'),
    })
    expect(posted(server)).toEqual([{ kind: 'session', project: 'web', prompt: 'Fix it' }])
  })

  it('ask sends its options to the server', async () => {
    const { where, server } = await serverWith()
    const flags = ['--project', 'api', '--cwd', 'src', '--model', 'small', '--approvals', 'on']
    expect((await run(['ask', 'Go', ...flags], where)).code).toBe(0)
    expect(posted(server)).toEqual([
      { kind: 'session', project: 'api', prompt: 'Go', cwd: 'src', model: 'small', approvals: 'on' },
    ])
    expect((await run(['ask', 'Go', '--approvals', 'maybe'], where)).code).toBe(2)
  })

  it('ask --plan starts an execution, with its context and limits', async () => {
    const { where, server } = await serverWith()
    const flags = [
      '--model',
      'openai:big',
      '--context',
      'Mind it',
      '--limit',
      'usd=0.5',
      '--limit',
      'seconds=60',
    ]
    expect((await run(['ask', '--plan', 'Go', ...flags], where)).code).toBe(0)
    expect(posted(server)).toEqual([
      {
        kind: 'execution',
        project: 'web',
        task: 'Go',
        context: 'Mind it',
        model: 'openai:big',
        limits: { usd: 0.5, seconds: 60 },
      },
    ])
    expect(await run(['ask', '--plan', 'Go', '--limit', 'usd=much'], where)).toMatchObject({
      code: 2,
      stderr:
        'millrace: --limit usd=much: expected iterations, tokens, seconds or usd, then "=" and a number\n',
    })
  })

  it('ask requires a project only if there is a choice', async () => {
    const { where } = await serverWith({ projects: [{ id: 'web' }, { id: 'demo' }] })
    expect(await run(['ask', 'Go'], where)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--project: web, demo'),
    })
  })

  it('ask reads the prompt from standard input, and does not start without one', async () => {
    const { where, server } = await serverWith()
    expect((await run(['ask'], where, {}, 'From a\npipe\n')).code).toBe(0)
    expect((await run(['ask', '-'], where, {}, 'Once more')).code).toBe(0)
    expect((await run(['ask', '-'], where, {}, ' \n')).code).toBe(2)
    // Failed before: it asked for the project first, and then the server refused.
    expect(await run(['ask', ' '], where)).toMatchObject({
      code: 2,
      stderr: 'millrace: the prompt is empty\n',
    })
    expect(posted(server)).toMatchObject([{ prompt: 'From a\npipe' }, { prompt: 'Once more' }])
  })

  it.each([
    ['completed', 0],
    ['errored', 1],
    ['aborted', 130],
    ['interrupted', 75],
  ])('after a session that ended as %s, ask exits with %i', async (state, code) => {
    const { where, record } = await serverWith({ events: [log.ended(state, { error: 'why' })] })
    const ended = await run(['ask', 'Go'], where)
    expect(ended.code).toBe(code)
    expect(ended.stderr).toContain(`-- ${state} (why)\n`)
    // Failed before: its cause was printed twice.
    const told = `${state.charAt(0).toUpperCase()}${state.slice(1)} by request`
    const again = await serverWith({ events: [log.ended(state, { reason: 'abort', error: told })] })
    const { stderr } = await run(['ask', 'Go'], again.where)
    expect(stderr).toContain(state === 'errored' ? `-- errored (abort: ${told})\n` : `-- ${told}\n`)
    expect(ended.stderr.includes(`millrace resume ${record.id}`)).toBe(state === 'interrupted')
  })

  it('ask --json prints one line of JSON for each event, the run first', async () => {
    const { where, record, events } = await serverWith()
    const { stdout, stderr } = await run(['ask', 'Go', '--json'], where)
    const lines = stdout.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([{ run: record }, ...events])
    expect(stderr).toBe('')
  })

  it('Ctrl-C aborts the session of ask, on a line of its own, and ask waits for its end', async () => {
    const where = place()
    const record = runOf({ kind: 'session', spec: {} })
    const aborted = Promise.withResolvers<void>()
    const begun = log.answer([log.text('Working on')]).slice(0, 3)
    const server = await scriptedServer({
      'GET /api/projects': (response) => json(response, 200, { projects }),
      'POST /api/runs': (response) => json(response, 201, { run: record }),
      [`GET /api/runs/${record.id}/events`]: async (response) => {
        openStream(response)
        response.write(log.logOf(begun).map(frame).join(''))
        await aborted.promise
        response.end(frame({ seq: begun.length + 1, ...log.ended('aborted') }))
      },
      [`POST /api/runs/${record.id}/abort`]: (response) => {
        json(response, 200, { run: record })
        aborted.resolve()
      },
    })
    server.writeCard(where.dataDir)
    const asking = start(['ask', 'Go'], where)
    await asking.says('Working on')
    asking.process.kill('SIGINT')
    expect(await asking.ended).toMatchObject({
      code: 130,
      stdout: 'Working on\n',
      stderr: expect.stringMatching(/\n-- aborting the run.*\n-- aborted\n$/),
    })
  })
})

describe('millrace follow', () => {
  it('follow shows a session as ask does, and prints how to answer open questions', async () => {
    const answered = [log.asked('q0', 'old'), log.resolved('q0')]
    const open = [log.asked('q1', 'eval "$X"'), log.ended('interrupted')]
    const { where, record } = await serverWith({
      events: [...answered, ...open],
      change: { head: 3 },
    })
    const { code, stderr } = await run(['follow', record.id], where)
    expect(code).toBe(75)
    expect(stderr).toContain('✓ allowed by ann: Bash old\n')
    expect(stderr).toContain(`  millrace approve ${record.id} q1\n  millrace deny ${record.id} q1\n`)
    expect(stderr).not.toContain('approve q0')
    expect(stderr.match(/millrace approve/g)).toHaveLength(1)
  })
})

describe('millrace resume and retry', () => {
  it('resume and retry start a new run, and show it', async () => {
    const { where, server, old, record } = await serverWith()
    for (const args of [
      ['resume', old],
      ['resume', old, '--prompt', 'Now the docs'],
      ['retry', old],
    ]) {
      const ended = await run(args, where)
      expect(ended).toMatchObject({ code: 0, stdout: 'Fixed.\n' })
      expect(ended.stderr).toContain(`-- run ${record.id}\n`)
    }
    expect(posted(server)).toEqual([{}, { prompt: 'Now the docs' }, undefined])
  })
})

describe('millrace fork', () => {
  it('fork starts a session with the conversation of another one up to an event, and shows it', async () => {
    const { where, server, old, record } = await serverWith()
    for (const flags of [[], ['--at', '12', '--worktree'], ['--worktree', 'topic']]) {
      const ended = await run(['fork', old, '--prompt', 'Try Rust', ...flags], where)
      expect(ended).toMatchObject({ code: 0, stdout: 'Fixed.\n' })
      expect(ended.stderr).toContain(`-- run ${record.id}\n`)
    }
    expect(posted(server)).toEqual([
      { prompt: 'Try Rust' },
      { prompt: 'Try Rust', at: 12, worktree: true },
      { prompt: 'Try Rust', worktree: 'topic' },
    ])
  })

  it('fork says what is wrong with an event or a prompt before it asks the server', async () => {
    const { where, server, old } = await serverWith()
    const wrong = await run(['fork', old, '--prompt', 'x', '--at', '0'], where)
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected the number of an event'),
    })
    expect(await run(['fork', old], where)).toMatchObject({ code: 2, stdout: '' })
    expect(posted(server)).toEqual([])
  })
})

describe('millrace approve and deny', () => {
  it('approve and deny answer, or say why they cannot', async () => {
    const { where, server, old, approval } = await serverWith()
    expect(await run(['approve', old, 'q1'], where)).toMatchObject({ code: 0, stdout: 'q1 allowed\n' })
    const more = ['--for-run', '--input', '{"command":"make"}']
    expect(await run(['approve', old, 'q1', ...more], where)).toMatchObject({ code: 0 })
    const denied = await run(['deny', old, 'q1', '--message', 'Not here', '--json'], where)
    expect(JSON.parse(denied.stdout)).toEqual({ approval })
    expect(posted(server)).toEqual([
      { decision: 'allow' },
      { decision: 'allow', scope: 'run', updatedInput: { command: 'make' } },
      { decision: 'deny', message: 'Not here' },
    ])
    expect(await run(['deny', old, 'q2'], where)).toMatchObject({
      code: 125,
      stderr: 'millrace: It was answered by ann already\n',
    })
  })
})
