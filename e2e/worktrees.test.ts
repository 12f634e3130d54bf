/** Sessions of one project at once, each in a git worktree: the program, the agent SDK's process, a scripted model. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogEvent, Run, RunChangesResponse, Worktree } from '@millrace/protocol'
import type { Script } from '@millrace/scripted-model'
import { type AgentPlace, agentPlace, giveAway } from '@millrace/test-support/agents'
import { post, type ServerProcess } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { git } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { millraceToEnd } from './support/cli.ts'

const script: Script = {
  name: 'sessions in worktrees',
  steps: [
    {
      when: { text: { regex: '(?:^|\\n)make (?<name>\\w+)$' } },
      reply: {
        content: [
          {
            type: 'tool_use',
            name: 'Bash',
            input: { command: 'echo {{match.name}} >> {{match.name}}.txt; echo {{match.name}} > README' },
          },
        ],
      },
    },
    {
      when: { text: 'look around' },
      reply: { content: [{ type: 'text', text: ['I ', 'looked.'], hold: 'made' }] },
    },
    { when: { toolResult: {} }, reply: { content: [{ type: 'text', text: ['Ma', 'de.'], hold: 'made' }] } },
  ],
}

let place: AgentPlace
let server: ServerProcess
let project: string

beforeAll(async () => {
  place = await agentPlace({ script, projects: ['web', 'plain'] })
  project = place.project()
  git(project, 'init', '--quiet', '--initial-branch=main')
  writeFileSync(join(project, 'README'), 'read me\n')
  git(project, 'add', '.')
  git(project, 'commit', '--quiet', '-m', 'first')
  for (const name of readdirSync(project, { recursive: true, encoding: 'utf8' }))
    giveAway(join(project, name))
  server = await place.start()
})
afterAll(() => place.dispose())

async function start(prompt: string, worktree: true | string | undefined): Promise<Run> {
  const body = { kind: 'session', project: 'web', prompt, ...(worktree === undefined ? {} : { worktree }) }
  const answer = await server.json<{ run: Run; detail?: string }>('/api/runs', post(body))
  if (answer.run === undefined) throw new Error(answer.detail)
  return answer.run
}

const get = async (id: string) => (await server.json<{ run: Run }>(`/api/runs/${id}`)).run
const changesOf = (id: string) => server.json<RunChangesResponse>(`/api/runs/${id}/changes`)
const over = (id: string) => until(async () => (await get(id)).outcome !== null)
const worktrees = async () => (await server.json<{ worktrees: Worktree[] }>('/api/worktrees')).worktrees
const status = () => git(project, 'status', '--porcelain')

describe('sessions in worktrees of one project', () => {
  it('three work at once beside one in the project, each with its own diff, and the project stays clean', async () => {
    const names = ['one', 'two', 'three']
    const runs = await Promise.all(names.map((name) => start(`make ${name}`, true)))
    const beside = await start('look around', undefined)
    await place.model.reached('made', names.length + 1)
    expect((await Promise.all([...runs, beside].map(({ id }) => get(id)))).map(({ state }) => state)).toEqual(
      [...names, 'beside'].map(() => 'running'),
    )
    expect(status()).toBe('')
    for (const [index, name] of names.entries()) {
      const { files } = await changesOf(runs[index]?.id ?? '')
      expect(files.map(({ path, status }) => [path, status])).toEqual([
        ['README', 'modified'],
        [`${name}.txt`, 'added'],
      ])
      expect(files[0]?.diff).toBe(`@@ -1 +1 @@\n-read me\n+${name}`)
    }
    place.model.release('made', Number.POSITIVE_INFINITY)
    for (const { id } of [...runs, beside]) await over(id)
    expect((await Promise.all(runs.map(({ id }) => get(id)))).map(({ outcome }) => outcome)).toEqual(
      names.map(() => 'success'),
    )
    expect(status()).toBe('')
    expect(await worktrees()).toHaveLength(3)
  })

  it('one of them is merged, one that conflicts is left as it is, and one is discarded', async () => {
    const cli = (...args: string[]) =>
      millraceToEnd(['worktrees', ...args, '--data', place.dataDir], { cwd: place.path })
    const [one, two, three] = await worktrees()
    expect((await cli()).stdout).toContain(`${one?.branch}`)
    const merged = await cli('merge', one?.branch ?? '', '--message', 'Make one')
    expect([merged.code, merged.stdout]).toEqual([0, expect.stringContaining('merged into main: 1 commit')])
    expect(git(project, 'log', '--format=%s')).toBe('Make one\nfirst\n')
    expect(readFileSync(join(project, 'README'), 'utf8')).toMatch(/^(?:one|two|three)\n$/)
    const refused = await cli('merge', two?.branch ?? '')
    expect([refused.code === 0, refused.stderr]).toEqual([
      false,
      expect.stringContaining('changed the same lines of README'),
    ])
    expect([status(), existsSync(join(project, '.git/MERGE_HEAD'))]).toEqual(['', false])
    expect((await cli('discard', three?.id ?? '')).code).toBe(0)
    expect((await worktrees()).map(({ id }) => id)).toEqual([two?.id])
    expect([existsSync(three?.path ?? ''), git(project, 'branch', '--list', three?.branch ?? '')]).toEqual([
      false,
      '',
    ])
    expect(status()).toBe('')
  })

  it('a session continues in the worktree of an earlier one, which keeps its own diff', async () => {
    const [left] = await worktrees()
    const first = (await server.json<{ runs: Run[] }>('/api/runs?kind=session')).runs.find(
      ({ spec }) => spec.worktree === left?.branch,
    )
    const before = await changesOf(first?.id ?? '')
    const resumed = await server.json<{ run: Run }>(
      `/api/runs/${first?.id}/resume`,
      post({ prompt: 'make more' }),
    )
    expect(resumed.run.spec.worktree).toBe(left?.branch)
    await over(resumed.run.id)
    expect((await changesOf(resumed.run.id)).files.map(({ path }) => path)).toEqual(['README', 'more.txt'])
    expect(await changesOf(first?.id ?? '')).toEqual(before)
    const again = await start('make again', left?.branch)
    const busy = await server.call(
      '/api/runs',
      post({ kind: 'session', project: 'web', prompt: 'x', worktree: left?.branch }),
    )
    expect([busy.status, await busy.json()]).toEqual([
      409,
      expect.objectContaining({
        code: 'project_busy',
        detail: 'The worktree already has an active agent session',
      }),
    ])
    await over(again.id)
    expect(status()).toBe('')
  })

  it.each([
    [{ project: 'plain', worktree: true }, /plain is in none/],
    [{ worktree: '-x' }, /the name of a branch/],
    [{ worktree: 'main' }, /checked out nowhere else/],
    [{ worktree: 7 }, /expected true, or the name of a branch/],
  ])('%j is refused at once', async (asked, words) => {
    const answer = await server.call(
      '/api/runs',
      post({ kind: 'session', project: 'web', prompt: 'x', ...asked }),
    )
    expect(answer.status).toBe(400)
    expect(JSON.stringify(await answer.json())).toMatch(words)
  })
})

describe('a fork of a session', () => {
  async function twoTurns(worktree: true | undefined): Promise<{ run: Run; firstResult: number }> {
    const body = {
      kind: 'session',
      project: 'web',
      prompt: 'make first',
      interactive: true,
      ...(worktree && { worktree }),
    }
    const { run } = await server.json<{ run: Run }>('/api/runs', post(body))
    await server.call(`/api/runs/${run.id}/messages`, post({ text: 'make second' }))
    await until(async () => (await eventsOf(run.id)).filter(({ type }) => type === 'result').length === 2)
    await completed(run.id)
    const firstResult = (await eventsOf(run.id)).find(({ type }) => type === 'result')?.seq ?? 0
    return { run: await get(run.id), firstResult }
  }

  async function completed(id: string): Promise<void> {
    await server.call(`/api/runs/${id}/finish`, { method: 'POST' })
    await over(id)
  }

  async function eventsOf(id: string): Promise<LogEvent[]> {
    const page = await server.json<{ events: LogEvent[] }>(`/api/runs/${id}/events?limit=10000`, {
      headers: { Accept: 'application/json' },
    })
    return page.events
  }

  it('at an event has the conversation and the files of then, in a worktree of its own, and the original stays', async () => {
    const { run, firstResult } = await twoTurns(true)
    const before = [await eventsOf(run.id), await changesOf(run.id)]
    const asked = place.model.requests.length
    const forked = await server.json<{ run: Run }>(
      `/api/runs/${run.id}/fork`,
      post({ at: firstResult, prompt: 'make third' }),
    )
    expect(forked.run).toMatchObject({ forkOf: run.id, resumes: null })
    expect(forked.run.spec.worktree).not.toBe(run.spec.worktree)
    await completed(forked.run.id)
    const all = await worktrees()
    const [original, fork] = [run, forked.run].map(({ spec }) =>
      all.find(({ branch }) => branch === spec.worktree),
    )
    const made = (path = '') =>
      ['first.txt', 'second.txt', 'third.txt'].filter((name) => existsSync(join(path, name)))
    expect(made(original?.path)).toEqual(['first.txt', 'second.txt'])
    expect(made(fork?.path)).toEqual(['first.txt', 'third.txt'])
    const said = place.model.requests.slice(asked).map((request) => JSON.stringify(request))
    expect(said.some((text) => text.includes('make first') && text.includes('make third'))).toBe(true)
    expect(said.some((text) => text.includes('make second'))).toBe(false)
    expect((await changesOf(forked.run.id)).files.map(({ path }) => path)).toEqual(['README', 'third.txt'])
    expect([await eventsOf(run.id), await changesOf(run.id)]).toEqual(before)
    const again = await server.json<{ run: Run }>(`/api/runs/${forked.run.id}/retry`, { method: 'POST' })
    await completed(again.run.id)
    expect(again.run).toMatchObject({ retryOf: forked.run.id, forkOf: run.id })
    expect(status()).toBe('')
  })

  it('before anything was said, and of a run that there is not, is refused', async () => {
    const run = (await server.json<{ runs: Run[] }>('/api/runs?kind=session')).runs[0]
    const early = await server.call(`/api/runs/${run?.id}/fork`, post({ at: 1, prompt: 'x' }))
    expect([early.status, await early.json()]).toEqual([
      409,
      expect.objectContaining({ code: 'not_resumable' }),
    ])
    const unknown = await server.call(
      '/api/runs/7c9e6679-7425-40de-944b-e07fc1f90ae7/fork',
      post({ prompt: 'x' }),
    )
    expect(unknown.status).toBe(404)
  })
})
