import { describe, expect, it } from 'vitest'
import { type Place, place, run, runProgram, start } from './child.ts'

const scripts = {
  greet: 'echo hello; echo careful >&2; exit 3',
  // It ends by itself if the server leaves it behind.
  forever: 'for i in $(seq 1 400); do echo line $i; sleep 0.1; done',
}

function here(): Place {
  return place({ 'package.json': { scripts }, '.npmrc': 'loglevel=silent\n' })
}

async function serve(where: Place) {
  const server = start(['serve', '--port', '0'], where)
  await server.says('"listening"')
  return server
}

describe('the commands against a real server', () => {
  it('against a real server, commands start, list, log in, abort, refuse a second server, and stop', async () => {
    const where = here()
    const server = await serve(where)
    const greeted = await run(['run', 'npm:greet'], where)
    expect(greeted).toMatchObject({
      code: 3,
      stdout: 'hello\n',
      stderr: expect.stringContaining('careful\n'),
    })
    const { runs } = JSON.parse((await run(['runs', '--json'], where)).stdout)
    expect(runs).toMatchObject([{ kind: 'job', state: 'completed', spec: { tool: 'npm:greet' } }])
    const again = await run(['follow', runs[0].id], where)
    expect(again).toMatchObject({ code: 3, stdout: 'hello\n' })
    const login = await fetch((await run(['login'], where)).stdout.trim(), { redirect: 'manual' })
    expect(login.status).toBe(303)

    const following = start(['run', 'npm:forever', '--json'], where)
    await following.says('line 2')
    const { run: record } = JSON.parse(following.text()[0] ?? '')
    expect((await run(['abort', record.id], where)).code).toBe(0)
    expect((await following.ended).code).toBe(130)

    const second = await runProgram(['serve', '--port', '0'], where)
    expect(second.code).toBe(1)
    expect(second.stderr).toContain(`another server (pid ${server.process.pid}) uses the data directory`)

    server.process.kill('SIGTERM')
    expect((await server.ended).code).toBe(0)
    expect((await run(['runs'], where)).code).toBe(125)
  })

  it('run, followed across a kill -9 of the server, shows each line once and ends as interrupted', async () => {
    const where = here()
    const server = await serve(where)
    const following = start(['run', 'npm:forever', '--json'], where)
    await following.says('line 5')
    server.process.kill('SIGKILL')
    await server.ended
    const next = await serve(where)
    const ended = await following.ended
    expect(ended.code).toBe(75)
    const events = ended.stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => JSON.parse(line))
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1))
    expect(events.at(-1)).toMatchObject({ type: 'error', data: { state: 'interrupted' } })
    next.process.kill('SIGTERM')
    expect((await next.ended).code).toBe(0)
  })

  it.runIf(process.env.MILLRACE_TEST_FULL)(
    'doctor measures a real server and finds no buffer in the way',
    async () => {
      const where = here()
      const server = await serve(where)
      await server.says('}\n')
      const { url } = JSON.parse(server.text()[0] ?? '')
      const { checks } = JSON.parse((await run(['doctor', '--json', '--url', url], where)).stdout)
      const streams = (checks as { name: string; status: string }[]).filter(
        (check) => check.name === 'stream',
      )
      expect(streams).toHaveLength(3)
      expect(streams.map((check) => check.status)).not.toContain('fail')
      server.process.kill('SIGTERM')
      await server.ended
    },
  )
})
