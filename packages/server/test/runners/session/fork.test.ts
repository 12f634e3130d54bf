import type { Run } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import type { LoggedEvent } from '#runners/kind'
import { forkableSession } from '#runners/session/fork'

const run = (spec: object, state: Run['state'] = 'running') =>
  ({ id: 'r', kind: 'session', state, spec: { project: 'web', prompt: 'Go', ...spec } }) as unknown as Run

/** Two turns, each with a call of a tool, in a worktree; the files of a turn are kept after its result. */
const log: [type: string, data: object][] = [
  ['run:queued', {}],
  ['run:started', { worktree: { id: 'w', branch: 'b', commit: 'c0' } }],
  ['system', { uuid: 's' }],
  ['assistant', { uuid: 'a1' }],
  ['user', { uuid: 'u1' }],
  ['assistant', { uuid: 'a2' }],
  ['result', { uuid: 'r1' }],
  ['session:checkpoint', { commit: 'c1' }],
  ['assistant', { uuid: 'a3' }],
  ['result', { uuid: 'r2' }],
  ['session:checkpoint', { commit: 'c2' }],
]

/** As the process mirrors it: prompts and lines of its own between the messages, those of a subagent apart. */
const transcript = ['p1', 'a1', 'u1', 'sub', 'a2', 'x', 'p2', 'a3'].map((uuid) => ({
  conversation: 'c',
  subpath: uuid === 'sub' ? 'subagents/one' : '',
  json: JSON.stringify({ uuid }),
}))

async function* events(): AsyncGenerator<LoggedEvent> {
  for (const [index, [type, data]] of log.entries())
    yield { seq: index + 1, type, json: JSON.stringify(data) }
}

const fork = (at?: number, spec: object = { worktree: 'b' }, state?: Run['state']) =>
  forkableSession.fork({ run: run(spec, state), at, transcript, events: events() }, 'And now?')

describe('a fork of a session', () => {
  it.each([
    [4, 2, 'c0'],
    [5, 3, 'c0'],
    [6, 5, 'c1'],
    [7, 5, 'c1'],
    [8, 5, 'c1'],
    [9, 8, 'c2'],
    [99, 8, 'c2'],
  ])(
    'at event %i has the first %i entries of the conversation, and the files of commit %s',
    async (at, entries, files) => {
      expect(await fork(at)).toEqual({
        entries,
        request: { project: 'web', prompt: 'And now?', worktree: true, fork: { entries, files } },
      })
    },
  )

  it('without an event has all of the conversation, also what the log does not show', async () => {
    expect((await fork())?.entries).toBe(transcript.length)
  })

  it('of a session in its project works there, with the files as they are', async () => {
    expect((await fork(7, {}))?.request).toEqual({ project: 'web', prompt: 'And now?', fork: { entries: 5 } })
  })

  it('before anything was said there is none', async () => {
    expect(await fork(3)).toBeNull()
  })

  it('of another agent’s session is one of the whole, once it is over', async () => {
    const gemini = { agent: 'gemini' }
    await expect(fork(7, gemini, 'completed')).rejects.toMatchObject({ code: 'not_resumable' })
    await expect(fork(undefined, gemini)).rejects.toMatchObject({ code: 'not_resumable' })
    expect((await fork(undefined, gemini, 'completed'))?.request).toMatchObject(gemini)
  })
})
