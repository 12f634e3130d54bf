/** PocketBase (Go) as it is installed. The program is named by `POCKETBASE`. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { quietPort } from '@millrace/test-support/server'
import { startChild } from '../measure/child.ts'
import type { Scratch } from '../measure/scratch.ts'

const program = process.env.POCKETBASE ?? ''

/** How to install it, when it is not there. */
export function pocketbaseMissing(): string | null {
  return existsSync(program)
    ? null
    : 'POCKETBASE=<its program>; go install github.com/pocketbase/pocketbase/examples/base@v0.38.0'
}

export async function startPocketbase(scratch: Scratch): Promise<{ port: number; pid: number }> {
  const port = await quietPort()
  const child = startChild(
    [program, 'serve', '--http', `127.0.0.1:${port}`, '--dir', scratch.folder()],
    scratch,
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  child.process.stdout?.resume()
  while ((await fetch(`http://127.0.0.1:${port}/api/health`).catch(() => null)) === null) await sleep(20)
  return { port, pid: child.pid }
}
