import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { demoScript } from '#index'
import { prompt, streamed, textOf } from './support/messages-client.ts'

const program = fileURLToPath(new URL('../bin/scripted-model.js', import.meta.url))

function start(args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function outcome(args: string[]): Promise<{ code: number | null; stderr: string }> {
  const child = start(args)
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stderr }
}

describe('scripted-model', () => {
  it('serves a script until a signal ends it, including a stream in progress', async () => {
    const child = start([demoScript, '--port', '0'])
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const { event, url } = JSON.parse(line) as { event: string; url: string }
    expect(event).toBe('listening')
    expect(textOf(await streamed(url, [prompt('hello')]))).toContain('scripted demo model')
    const cut = streamed(url, [prompt('hello')]).catch(() => 'cut')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    await cut
  })

  it('prints its usage when called wrongly, and the mistakes of a script', async () => {
    expect(await outcome([])).toEqual({ code: 2, stderr: expect.stringContaining('usage') })
    expect(await outcome([demoScript, '--port', 'x'])).toMatchObject({ code: 2 })
    expect(await outcome(['/no/such/script.json'])).toEqual({
      code: 1,
      stderr: expect.stringContaining('/no/such/script.json is not a script'),
    })
  })
})
