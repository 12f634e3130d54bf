import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stateRoot } from '#config/data-dir'
import { place, run, runProgram, start } from './child.ts'
import {
  complete,
  frame,
  json,
  openStream,
  output,
  problem,
  removeCard,
  runOf,
  scriptedServer,
} from './scripted-server.ts'

const tools = [
  { id: 'count', title: 'Count', projects: ['web'], args: [], network: false, timeoutSeconds: null },
  { id: 'deploy', title: 'Deploy', projects: ['web', 'api'], args: [], network: true, timeoutSeconds: 5 },
]

async function serverWith(events: Parameters<typeof frame>[0][]) {
  const where = place()
  const record = runOf()
  const server = await scriptedServer({
    'GET /api/tools': (response) => json(response, 200, { tools }),
    'POST /api/runs': (response) => json(response, 201, { run: record }),
    [`GET /api/runs/${record.id}/events`]: (response) => {
      openStream(response)
      response.end(events.map(frame).join(''))
    },
  })
  server.writeCard(where.dataDir)
  return { where, record, server }
}

describe('millrace run', () => {
  it('run shows the output unchanged, remarks on stderr, and exits with the code of the program', async () => {
    const { where, server, record } = await serverWith([
      { seq: 1, type: 'run:queued', data: {} },
      { seq: 2, type: 'run:started', data: {} },
      output(3, '  plain \u001b[32mgreen\u001b[0m'),
      output(4, 'oops', 'stderr'),
      complete(5, { exitCode: 3, success: false }),
    ])
    const ended = await run(['run', 'count', '--arg', 'a=b=c', '--arg', 'd='], where)
    expect(ended).toEqual({
      code: 3,
      signal: null,
      stdout: '  plain \u001b[32mgreen\u001b[0m\n',
      stderr: `-- run ${record.id}\n-- queued\n-- started\noops\n-- exit code 3 after 1.2 s\n`,
    })
    expect(server.seen.find((one) => one.method === 'POST')?.body).toEqual({
      kind: 'job',
      project: 'web',
      tool: 'count',
      args: { a: 'b=c', d: '' },
    })
  })

  it('run says which server and project it uses when the only server was started in another folder', async () => {
    const { where, server, record } = await serverWith([complete(1)])
    removeCard(where.dataDir)
    server.writeCard(join(stateRoot(where.env), 'other'))
    const { code, stderr } = await run(['run', 'count'], where)
    expect({ code, notes: stderr.split('\n').slice(0, 2) }).toEqual({
      code: 0,
      notes: [
        `-- no server runs in this folder: using ${server.url}, in project ${record.project}`,
        `-- run ${record.id}`,
      ],
    })
  })

  it('run shows stderr in red where colours are wanted', async () => {
    const { where } = await serverWith([output(1, 'oops', 'stderr'), complete(2)])
    const { stderr } = await runProgram(['run', 'count'], where, { FORCE_COLOR: '1' })
    expect(stderr).toContain('\u001b[31moops\u001b[39m\n')
    expect((await runProgram(['run', 'count'], where, { NO_COLOR: '1' })).stderr).toContain('\noops\n')
  })

  it('run --json prints one line of JSON for each event, the run first', async () => {
    const events = [
      output(1, 'x'),
      { seq: 2, type: 'error', data: { message: 'stopped', state: 'interrupted' } },
    ]
    const { where, record } = await serverWith(events)
    const ended = await run(['run', 'count', '--json'], where)
    expect(ended.code).toBe(75)
    expect(ended.stderr).toBe('')
    expect(
      ended.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([{ run: record }, ...events])
  })

  it('run requires a project only if there is a choice', async () => {
    const { where, server } = await serverWith([complete(1)])
    const unclear = await run(['run', 'deploy'], where)
    expect(unclear).toMatchObject({ code: 2, stderr: expect.stringContaining('--project: web, api') })
    expect((await run(['run', 'deploy', '--project', 'api'], where)).code).toBe(0)
    expect(server.seen.at(-2)?.body).toMatchObject({ project: 'api', tool: 'deploy' })
  })

  it('run suggests the tool that was meant', async () => {
    const { where } = await serverWith([])
    const ended = await run(['run', 'cuont'], where)
    expect(ended).toMatchObject({
      code: 125,
      stderr: 'millrace: no tool is named cuont; did you mean count?\n',
    })
  })

  it('run shows why the server refuses, field by field', async () => {
    const where = place()
    const server = await scriptedServer({
      'GET /api/tools': (response) => json(response, 200, { tools }),
      'POST /api/runs': (response) =>
        problem(response, 400, 'The arguments do not suit', [{ path: 'args.x', expected: 'a value' }]),
    })
    const env = { MILLRACE_URL: server.url, MILLRACE_TOKEN: server.token }
    const plain = await run(['run', 'count', '--project', 'web'], where, env)
    expect(plain).toMatchObject({
      code: 125,
      stderr: 'millrace: The arguments do not suit\n  args.x: a value\n',
    })
    const machine = await run(['run', 'count', '--project', 'web', '--json'], where, env)
    expect(JSON.parse(machine.stderr)).toEqual({
      error: { message: 'The arguments do not suit\n  args.x: a value' },
    })
  })

  // Failed before: a field that the sentence names was printed a second time.
  it('run shows why the server refuses, once', async () => {
    const where = place()
    const expected = 'There is no project "nope"; known: web'
    const server = await scriptedServer({
      'GET /api/tools': (response) => json(response, 200, { tools }),
      'POST /api/runs': (response) =>
        problem(response, 400, expected, [
          { path: 'project', expected },
          { path: 'cwd', expected: 'a place' },
        ]),
    })
    const env = { MILLRACE_URL: server.url, MILLRACE_TOKEN: server.token }
    const { stderr } = await run(['run', 'count', '--project', 'nope'], where, env)
    expect(stderr).toBe(`millrace: ${expected}\n  cwd: a place\n`)
  })

  it('Ctrl-C aborts the run, and run waits for its end and exits with its code', async () => {
    const where = place()
    const record = runOf()
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>()
    const server = await scriptedServer({
      'GET /api/tools': (response) => json(response, 200, { tools }),
      'POST /api/runs': (response) => json(response, 201, { run: record }),
      [`GET /api/runs/${record.id}/events`]: async (response) => {
        openStream(response)
        response.write(frame(output(1, 'working')))
        await aborted
        response.end(
          frame({ seq: 2, type: 'error', data: { message: 'The run was aborted', state: 'aborted' } }),
        )
      },
      [`POST /api/runs/${record.id}/abort`]: (response) => {
        json(response, 200, { run: record })
        abort()
      },
    })
    server.writeCard(where.dataDir)
    const running = start(['run', 'count', '--project', 'web'], where)
    await running.says('working')
    running.process.kill('SIGINT')
    running.process.kill('SIGINT')
    const ended = await running.ended
    expect(ended.code).toBe(130)
    expect(ended.stderr).toContain('-- The run was aborted')
    expect(server.seen.filter((one) => one.path.endsWith('/abort'))).toHaveLength(1)
  })

  it('run leaves, and says so, when the run cannot be aborted', async () => {
    const { where, record } = await (async () => {
      const there = place()
      const one = runOf()
      const server = await scriptedServer({
        'GET /api/tools': (response) => json(response, 200, { tools }),
        'POST /api/runs': (response) => json(response, 201, { run: one }),
        [`GET /api/runs/${one.id}/events`]: (response) => {
          openStream(response)
          response.write(frame(output(1, 'working')))
        },
      })
      server.writeCard(there.dataDir)
      return { where: there, record: one }
    })()
    const running = start(['run', 'count', '--project', 'web'], where)
    await running.says('working')
    running.process.kill('SIGTERM')
    const ended = await running.ended
    expect(ended.code).toBe(130)
    expect(ended.stderr).toContain('the run could not be aborted')
    expect(ended.stderr).toContain(`left; the run continues: millrace follow ${record.id}`)
  })

  it('wrong usage of run is exit code 2', async () => {
    const where = place()
    for (const args of [
      ['run'],
      ['run', 'x', '--arg', 'novalue'],
      ['run', 'x', '--wait', 'soon'],
      ['runn'],
      ['x', 'y'],
    ]) {
      expect((await run(args, where)).code).toBe(2)
    }
  })
})
