import { PassThrough, Readable } from 'node:stream'
import type { ProcessExit, Sandbox, SandboxedProcess } from '@millrace/sandbox'
import { expect, it } from 'vitest'
import { InsideGit } from '#worktrees/inside-git'

const place = { runId: 'r', directory: '/srv/tree', script: '' }
const chunk = Buffer.alloc(1024 ** 2, 'x')

/** A git that prints so many mebibytes, unless it is killed. */
function printing({ out, err = 0 }: { out: number; err?: number }) {
  const seen = { killed: false, read: 0 }
  const { promise: exited, resolve } = Promise.withResolvers<ProcessExit>()
  function* chunks(count: number) {
    for (let n = 0; n < count && !seen.killed; n += 1) {
      seen.read += 1
      yield chunk
    }
  }
  const stdout = Readable.from(chunks(out), { highWaterMark: 1 })
  const stderr = Readable.from(chunks(err), { highWaterMark: 1 })
  const child: SandboxedProcess = {
    ...{ pid: 1, startTime: 0, stdin: new PassThrough(), stdout, stderr, exited, breach: undefined },
    end: async () => {
      seen.killed = true
    },
  }
  void Promise.all([stdout, stderr].map((one) => new Promise((end) => one.once('end', end)))).then(() =>
    resolve({ code: seen.killed ? null : 0, signal: seen.killed ? 'SIGKILL' : null }),
  )
  const sandbox: Pick<Sandbox, 'spawn'> = { spawn: async () => child }
  return { git: new InsideGit(sandbox), seen }
}

it('git that prints more than is kept is killed, and what it printed by then is marked as cut', async () => {
  const { git, seen } = printing({ out: 1000 })
  const ran = await git.run(place)
  expect(ran).toMatchObject({ code: null, isCut: true })
  expect(ran.stdout.length).toBe(16 * 1024 ** 2)
  expect(seen.read).toBeLessThan(25)
  await expect(printing({ out: 17 }).git.text(place)).rejects.toThrow('git said more than is read of it')
})

it('git that prints as much as is kept is read whole', async () => {
  const { git } = printing({ out: 16 })
  expect(await git.run(place)).toMatchObject({ code: 0, isCut: false })
})

it('what git says of errors is kept up to 64 KiB, and does not end it', async () => {
  const { git, seen } = printing({ out: 0, err: 40 })
  const ran = await git.run(place)
  expect(ran).toMatchObject({ code: 0, isCut: false })
  expect([ran.stderr.length, seen.read]).toEqual([64 * 1024, 40])
})
