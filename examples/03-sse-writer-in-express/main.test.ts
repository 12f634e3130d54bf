import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

test('three events come one by one through gzip, numbered, and then the end', async () => {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string]
  const request = get(url, { headers: { 'Accept-Encoding': 'gzip' } })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  expect(response.headers['content-type']).toBe('text/event-stream')
  expect(response.headers['content-encoding']).toBe('gzip')
  const arrivals: string[] = []
  for await (const chunk of response.pipe(createGunzip()).setEncoding('utf8')) arrivals.push(chunk)
  // Each was flushed by itself.
  expect(arrivals.filter((text) => text.includes('event: tick'))).toHaveLength(3)
  expect(arrivals.join('').match(/^id: .*$/gm)).toEqual(['id: 1', 'id: 2', 'id: 3'])
})
