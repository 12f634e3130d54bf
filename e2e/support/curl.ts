/** `curl -N`, as a person would follow a run from a terminal. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { framesOf } from '@millrace/test-support/sse'

export interface Curl {
  /** Complete frames so far, without comments. */
  frames: () => string[]
  bytes: () => Buffer
  /** Resolves when there are at least so many frames. */
  untilFrames: (count: number) => Promise<void>
  /** Settles when curl has ended: its exit code and the HTTP status it saw. */
  over: Promise<{ code: number | null; status: number }>
}

export function curl(url: string, token: string, headers: Record<string, string> = {}): Curl {
  const given = { Authorization: `Bearer ${token}`, ...headers }
  const args = Object.entries(given).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const child = spawn('curl', ['-N', '-sS', '-w', '%{stderr}status=%{http_code}', ...args, url], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks: Buffer[] = []
  const waiting = new Set<() => void>()
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    for (const check of waiting) check()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const bytes = () => Buffer.concat(chunks)
  const over = (once(child, 'close') as Promise<[number | null]>).then(([code]) => ({
    code,
    status: Number(/status=(\d+)/.exec(errors)?.[1]),
  }))
  return {
    bytes,
    frames: () => framesOf(bytes()),
    untilFrames: (count) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (framesOf(bytes()).length < count) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
        void over.then(() => {
          check()
          reject(new Error(`curl ended after ${framesOf(bytes()).length} frames: ${errors}`))
        })
      }),
    over,
  }
}
