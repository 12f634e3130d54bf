import { describe, expect, it } from 'vitest'
import { place, run } from './child.ts'
import { json, problem, runOf, scriptedServer } from './scripted-server.ts'

const one = runOf({ id: 'abcd1111-0000-4000-8000-000000000001', state: 'completed', outcome: 'success' })
const two = runOf({
  id: 'abcd2222-0000-4000-8000-000000000002',
  state: 'completed',
  outcome: 'failure',
  spec: { kind: 'job', project: 'web', tool: 'npm:test', args: { name: 'x\u001b' } },
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 6),
  finishedAt: Date.UTC(2026, 0, 2, 3, 4, 8),
  result: { success: false, exitCode: 3 },
  head: 7,
})
// Found by the server because of its name, not its id.
const named = runOf({ spec: { tool: 'abcd1' } })
const tool = (id: string, projects: string[], args: { name: string; required: boolean }[] = []) => ({
  id,
  title: `Title of ${id}`,
  projects,
  args,
  network: false,
  timeoutSeconds: null,
})
const tools = [
  tool(
    'npm:test',
    ['web'],
    [
      { name: 'file', required: true },
      { name: 'grep', required: false },
    ],
  ),
  tool('npm:pretest', ['web']),
  tool('npm:build', ['web']),
  tool('make:build', ['api']),
  tool('lint', ['web', 'api']),
]

async function serverHere() {
  const where = place()
  const runs = [two, one, named]
  const server = await scriptedServer({
    'GET /api/runs': (response, { path }) => {
      const query = new URL(path, 'http://x').searchParams
      if (query.get('limit') === '1') return json(response, 200, { runs: runs.slice(0, 1), nextCursor: null })
      const q = query.get('q') ?? ''
      const found = runs.filter(({ id, spec }) => `${id}\n${spec.tool}`.includes(q))
      // One run a page, so that the rest is on the pages after it.
      const from = Number(query.get('cursor') ?? 0)
      const nextCursor = found.length > from + 1 ? String(from + 1) : null
      return json(response, 200, { runs: found.slice(from, from + 1), nextCursor })
    },
    [`GET /api/runs/${one.id}`]: (response) => json(response, 200, { run: one }),
    [`GET /api/runs/${two.id}`]: (response) => json(response, 200, { run: two }),
    [`POST /api/runs/${one.id}/abort`]: (response) => json(response, 200, { run: one }),
    'GET /api/tools': (response) => json(response, 200, { tools }),
    'GET /api/projects': (response) =>
      json(response, 200, {
        projects: [{ id: 'web' }, { id: 'api' }],
        agent: { available: false, demo: false, reason: 'no key' },
      }),
    'POST /api/runs': (response) => problem(response, 503, 'stop here'),
  })
  server.writeCard(where.dataDir)
  return { where, server }
}

describe('naming a run', () => {
  it('a run is named by the beginning of its id, whatever its case, or as the last one', async () => {
    const { where } = await serverHere()
    const shown = async (name: string) =>
      JSON.parse((await run(['show', name, '--json'], where)).stdout).run.id
    expect(await shown(one.id)).toBe(one.id)
    expect(await shown('abcd1')).toBe(one.id)
    expect(await shown('ABCD2222')).toBe(two.id)
    expect(await shown('@last')).toBe(two.id)
    expect(await run(['abort', 'abcd11'], where)).toMatchObject({ code: 0, stdout: `${one.id} completed\n` })
  })

  it('a beginning that several ids have, that none has, or that is short is refused and explained', async () => {
    const { where, server } = await serverHere()
    const several = await run(['abort', 'abcd'], where)
    expect(several).toMatchObject({ code: 2, stdout: '' })
    expect(several.stderr).toContain('several runs have ids that begin with abcd')
    for (const { id } of [one, two]) expect(several.stderr).toContain(id)
    expect(await run(['abort', 'abcd3'], where)).toMatchObject({
      code: 125,
      stderr: 'millrace: no run has an id that begins with abcd3\n',
    })
    expect((await run(['abort', 'abc'], where)).code).toBe(2)
    expect(server.seen.some(({ method }) => method === 'POST')).toBe(false)
  })
})

describe('millrace show', () => {
  it('show prints what is known of a run, and no control character of its arguments', async () => {
    const { where } = await serverHere()
    const { stdout, code } = await run(['show', 'abcd2'], where)
    const facts = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/ {2,}/)),
    )
    expect(code).toBe(0)
    expect(facts).toEqual({
      run: two.id,
      kind: 'job',
      what: 'npm:test',
      args: '{"name":"x\\u001b"}',
      result: 'exit 3',
      outcome: 'failure',
      project: 'web',
      owner: 'admin',
      created: '2026-01-02 03:04:05',
      waited: '1.0 s',
      took: '2.0 s',
      events: '7',
    })
  })
})

describe('millrace tools and projects', () => {
  it('tools lists each tool with its arguments and projects, of one project on request', async () => {
    const { where } = await serverHere()
    const { stdout } = await run(['tools', '--project', 'web'], where)
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.trimEnd().split(/ {2,}/))
    expect(rows.slice(0, 2)).toEqual([
      ['TOOL', 'ARGUMENTS', 'PROJECTS', 'TITLE'],
      ['npm:test', 'file [grep]', 'web', 'Title of npm:test'],
    ])
    expect(rows.map(([id]) => id)).toEqual(['TOOL', 'npm:test', 'npm:pretest', 'npm:build', 'lint'])
    expect(JSON.parse((await run(['tools', '--json'], where)).stdout)).toEqual({ tools })
  })

  it('projects lists the projects, and says why no agent can work in them', async () => {
    const { where } = await serverHere()
    expect(await run(['projects'], where)).toMatchObject({
      code: 0,
      stdout: 'PROJECT\nweb\napi\n',
      stderr: '-- no agent sessions: no key\n',
    })
  })
})

describe('naming a tool', () => {
  it('a tool is named by an end of its id that no other has: after a colon first, in the project that is given', async () => {
    const { where, server } = await serverHere()
    const started = async (...args: string[]) => {
      expect((await run(['run', ...args], where)).stderr).toBe('millrace: stop here\n')
      return server.seen.at(-1)?.body
    }
    expect(await started('npm:test')).toMatchObject({ tool: 'npm:test', project: 'web' })
    expect(await started('test')).toMatchObject({ tool: 'npm:test', project: 'web' })
    expect(await started('retest')).toMatchObject({ tool: 'npm:pretest' })
    expect(await started('build', '--project', 'api')).toMatchObject({ tool: 'make:build', project: 'api' })
    expect(await started('int', '--project', 'api')).toMatchObject({ tool: 'lint', project: 'api' })
  })

  it('an end that several tools have is refused with their names, and one that none has with the nearest', async () => {
    const { where } = await serverHere()
    expect(await run(['run', 'build'], where)).toMatchObject({
      code: 2,
      stderr: 'millrace: build may be any of several tools; name one: npm:build, make:build\n',
    })
    expect((await run(['run', 'npm:tset'], where)).stderr).toContain('did you mean npm:test?')
    expect((await run(['run', 'tset'], where)).stderr).toContain('did you mean npm:test?')
  })

  it('a project that the server does not have is refused by its name, with the names of those it has', async () => {
    const { where } = await serverHere()
    expect(await run(['run', 'test', '--project', 'wbe'], where)).toMatchObject({
      code: 125,
      stderr: 'millrace: no project is named wbe; available projects: web, api\n',
    })
    expect((await run(['run', 'test', '--project', 'api'], where)).stderr).toBe(
      'millrace: no tool is named test; available tools: make:build, lint\n',
    )
  })
})
