import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { place, run, runProgram, start } from './child.ts'
import {
  after,
  complete,
  frame,
  json,
  openStream,
  output,
  problem,
  removeCard,
  runOf,
  type ScriptedEvent,
  scriptedServer,
} from './scripted-server.ts'

const record = runOf()
const runRoute = {
  [`GET /api/runs/${record.id}`]: (response: Parameters<typeof json>[0]) =>
    json(response, 200, { run: record }),
}
const eventsRoute = `GET /api/runs/${record.id}/events`

const log: ScriptedEvent[] = [
  { seq: 1, type: 'run:queued', data: {} },
  output(2, 'one'),
  output(3, 'two'),
  output(4, 'three'),
  complete(5, { exitCode: 7 }),
]

describe('millrace follow', () => {
  it('follow survives a restart: the new server has another port and token, and each line appears once', async () => {
    const where = place()
    const first = await scriptedServer({
      ...runRoute,
      [eventsRoute]: (response) => {
        openStream(response)
        response.write(log.slice(0, 3).map(frame).join(''))
      },
    })
    first.writeCard(where.dataDir)
    const following = start(['follow', record.id], where)
    await following.says('two')
    removeCard(where.dataDir)
    await first.stop()
    await following.says('trying again', 'stderr')
    const second = await scriptedServer({
      [eventsRoute]: (response, seen) => {
        openStream(response)
        response.end(after(log, seen).map(frame).join(''))
      },
    })
    second.writeCard(where.dataDir)
    const ended = await following.ended
    expect(ended).toMatchObject({ code: 7, stdout: 'one\ntwo\nthree\n' })
    expect(ended.stderr).toContain('-- connected again')
    expect(second.seen[0]?.headers).toMatchObject({ 'last-event-id': '3', 'millrace-epoch': 'first' })
  })

  it('follow resumes after every way a stream can break: cut off, ended, refused for a while', async () => {
    const where = place()
    let calls = 0
    const server = await scriptedServer({
      ...runRoute,
      [eventsRoute]: (response, seen) => {
        calls += 1
        const [next] = after(log, seen)
        if (next === undefined) throw new Error('asked for more than there is')
        if (calls % 3 === 2) return problem(response, 503, 'The server is shutting down')
        openStream(response)
        const bytes = frame(next)
        if (calls % 3 === 1) {
          response.end(bytes)
          return
        }
        // Half of the next frame as well: it must not count.
        response.write(`${bytes}id: ${next.seq + 1}\nevent: output\ndata: {"line":"half`)
        setTimeout(() => response.destroy(), 20)
      },
    })
    server.writeCard(where.dataDir)
    const ended = await run(['follow', record.id], where)
    expect(ended).toMatchObject({ code: 7, stdout: 'one\ntwo\nthree\n' })
  })

  it('follow reports a reset, and shows the log from where it can be read', async () => {
    const where = place()
    let calls = 0
    const server = await scriptedServer({
      ...runRoute,
      [eventsRoute]: (response) => {
        calls += 1
        openStream(response, calls === 1 ? 'first' : 'second')
        if (calls === 1) {
          response.end(log.slice(0, 4).map(frame).join(''))
          return
        }
        const reset = { reason: 'epoch', firstSeq: 3, head: 5 }
        response.write(`event: reset\ndata: ${JSON.stringify(reset)}\n\n`)
        response.end(log.slice(2).map(frame).join(''))
      },
    })
    server.writeCard(where.dataDir)
    const plain = await run(['follow', record.id], where)
    expect(plain).toMatchObject({ code: 7, stdout: 'one\ntwo\nthree\ntwo\nthree\n' })
    expect(plain.stderr).toContain('this place in the log is gone (epoch): following from event 3')
    calls = 0
    const machine = await run(['follow', record.id, '--json'], where)
    const lines = machine.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map((line) => line.seq ?? line.type ?? 'run')).toEqual(['run', 1, 2, 3, 4, 'reset', 3, 4, 5])
    expect(lines[5].data).toEqual({ reason: 'epoch', firstSeq: 3, head: 5 })
  })

  it('follow takes 204 for the end, and its exit code from the record of the run', async () => {
    const where = place()
    let state: 'running' | 'completed' = 'running'
    const server = await scriptedServer({
      [`GET /api/runs/${record.id}`]: (response) =>
        json(response, 200, { run: { ...record, state, result: complete(3, { exitCode: 9 }).data } }),
      [eventsRoute]: (response, seen) => {
        if (seen.headers['last-event-id'] !== undefined) {
          state = 'completed'
          response.writeHead(204).end()
          return
        }
        openStream(response)
        response.end(frame(output(1, 'one')))
      },
    })
    server.writeCard(where.dataDir)
    expect(await run(['follow', record.id], where)).toMatchObject({ code: 9, stdout: 'one\n' })
  })

  it('follow gives up on a server that is away longer than --wait, and says that the run may continue', async () => {
    const where = place()
    const server = await scriptedServer({
      ...runRoute,
      [eventsRoute]: (response) => {
        openStream(response)
        response.write(frame(output(1, 'one')))
      },
    })
    server.writeCard(where.dataDir)
    const following = start(['follow', record.id, '--wait', '0.3'], where)
    await following.says('one')
    await server.stop()
    const ended = await following.ended
    expect(ended).toMatchObject({ code: 125, stdout: 'one\n' })
    expect(ended.stderr).toMatch(/gave up after 0.3 s: .*nothing listens there/)
  })

  it('follow does not wait if waiting cannot help', async () => {
    const where = place()
    const server = await scriptedServer({ ...runRoute })
    const env = { MILLRACE_URL: server.url, MILLRACE_TOKEN: server.token }
    expect(await run(['follow', record.id], where, env)).toMatchObject({ code: 125 })
    const wrong = await run(['follow', record.id], where, { ...env, MILLRACE_TOKEN: 'another' })
    expect(wrong).toMatchObject({ code: 125, stderr: 'millrace: The bearer token is not valid\n' })
    await server.stop()
    const gone = await runProgram(['follow', record.id], where, env)
    expect(gone).toMatchObject({
      code: 125,
      stderr: `millrace: ${server.url} does not answer: nothing listens there\n`,
    })
  })

  it('follow waits for a new token if the server is a local one', async () => {
    const where = place()
    const first = await scriptedServer({
      ...runRoute,
      [eventsRoute]: (response) => {
        openStream(response)
        response.write(frame(output(2, 'one')))
      },
    })
    first.writeCard(where.dataDir)
    const following = start(['follow', record.id], where)
    await following.says('one')
    const port = Number(new URL(first.url).port)
    await first.stop()
    // It listens before it has written server.json: for a moment only the old token is known.
    const second = await scriptedServer(
      {
        [eventsRoute]: (response, seen) => {
          openStream(response)
          response.end(after(log, seen).map(frame).join(''))
        },
      },
      { port },
    )
    await following.says('trying again', 'stderr')
    while (second.seen.length === 0) await new Promise((later) => setTimeout(later, 10))
    second.writeCard(where.dataDir)
    expect(await following.ended).toMatchObject({ code: 7, stdout: 'one\ntwo\nthree\n' })
  })

  it('follow ends quietly when its output is no longer read', async () => {
    const where = place()
    const server = await scriptedServer({
      ...runRoute,
      [eventsRoute]: (response) => {
        openStream(response)
        let seq = 0
        const timer = setInterval(() => response.write(frame(output(++seq, `line ${seq}`))), 5)
        response.on('close', () => clearInterval(timer))
      },
    })
    server.writeCard(where.dataDir)
    const following = start(['follow', record.id], where)
    await following.says('line 3')
    following.process.stdout?.destroy()
    const ended = await following.ended
    expect(ended.code).toBe(141)
    expect(ended.stderr).not.toMatch(/EPIPE|Error/)
  })

  it('follow can be piped into head', async () => {
    const where = place()
    const server = await scriptedServer({
      ...runRoute,
      [eventsRoute]: (response) => {
        openStream(response)
        let seq = 0
        const timer = setInterval(() => response.write(frame(output(++seq, `line ${seq}`))), 5)
        response.on('close', () => clearInterval(timer))
      },
    })
    server.writeCard(where.dataDir)
    const bin = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url))
    const shell = spawn(
      'sh',
      ['-c', '"$1" "$2" follow "$3" | head -n 1', 'sh', process.execPath, bin, record.id],
      {
        cwd: where.cwd,
        env: where.env,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    onTestFinished(() => void shell.kill('SIGKILL'))
    let [out, errors] = ['', '']
    shell.stdout.on('data', (chunk) => {
      out += chunk
    })
    shell.stderr.on('data', (chunk) => {
      errors += chunk
    })
    const [code] = await once(shell, 'close')
    expect({ code, out, errors }).toEqual({ code: 0, out: 'line 1\n', errors: `-- run ${record.id}\n` })
  })

  it('follow leaves on Ctrl-C, and the run continues', async () => {
    const where = place()
    const server = await scriptedServer({
      ...runRoute,
      [eventsRoute]: (response) => {
        openStream(response)
        response.write(frame(output(1, 'one')))
      },
    })
    server.writeCard(where.dataDir)
    const following = start(['follow', record.id], where)
    await following.says('one')
    following.process.kill('SIGINT')
    const ended = await following.ended
    expect(ended.code).toBe(130)
    expect(ended.stderr).toContain('the run continues')
    expect(server.seen.some((one) => one.method === 'POST')).toBe(false)
  })
})
