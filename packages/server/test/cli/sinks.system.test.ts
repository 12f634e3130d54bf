import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@millrace/test-support/until'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bin, place } from './child.ts'
import { json, runOf, scriptedServer } from './scripted-server.ts'

function full(): number {
  const fd = openSync('/dev/full', 'w')
  onTestFinished(() => closeSync(fd))
  return fd
}

function started(
  args: string[],
  where: ReturnType<typeof place>,
  stdio: ('pipe' | 'ignore' | number)[],
  env = {},
) {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: where.cwd,
    env: { ...where.env, ...env },
    stdio,
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal))
  })
  return { child, ended }
}

async function cardOf(dataDir: string): Promise<{ url: string; token: string }> {
  const path = join(dataDir, 'server.json')
  await until(() => existsSync(path))
  return JSON.parse(readFileSync(path, 'utf8'))
}

const answers = async ({ url, token }: { url: string; token: string }) =>
  (await fetch(`${url}/api/runs`, { headers: { authorization: `Bearer ${token}` } })).status

describe('a sink that breaks', () => {
  it('a server whose output nobody reads any longer keeps running, and stops in order', async () => {
    const where = place({ 'package.json': { scripts: {} } })
    const { child, ended } = started(['serve', '--port', '0'], where, ['ignore', 'pipe', 'pipe'], {
      LOG_LEVEL: 'debug',
    })
    // As `serve 2>&1 | head -3` does.
    child.stdout?.once('data', () => {
      child.stdout?.destroy()
      child.stderr?.destroy()
    })
    const card = await cardOf(where.dataDir)
    for (let n = 0; n < 5; n += 1) expect(await answers(card)).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('a server whose output is on a full disk starts, runs and stops in order', async () => {
    const where = place({ 'package.json': { scripts: {} } })
    const { child, ended } = started(['serve', '--port', '0'], where, ['ignore', full(), full()])
    const card = await cardOf(where.dataDir)
    for (let n = 0; n < 3; n += 1) expect(await answers(card)).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('a command whose output cannot be written says so in one line and ends with our own code', async () => {
    const where = place()
    const server = await scriptedServer({
      'GET /api/runs': (response) => json(response, 200, { runs: [runOf()], nextCursor: null }),
    })
    server.writeCard(where.dataDir)
    const { child, ended } = started(['runs'], where, ['ignore', full(), 'pipe'])
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    expect(await ended).toBe(125)
    expect(stderr).toMatch(/^millrace: the output cannot be written: ENOSPC[^\n]*\n$/)
  })
})
