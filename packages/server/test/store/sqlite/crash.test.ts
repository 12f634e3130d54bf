import { spawnSync } from 'node:child_process'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import type { Store } from '#store/store'
import { startProgram } from './support/program.ts'
import { openTemporary } from './support/temporary.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

type Acknowledged = Map<string, number>

/** Every acknowledged event is there, and each log is 1..head. */
async function expectKept(store: Store, acknowledged: Acknowledged): Promise<void> {
  const { runs } = await store.listRuns({ limit: 1000 })
  expect(runs.map((run) => run.id)).toEqual(expect.arrayContaining([...acknowledged.keys()]))
  for (const run of runs) {
    expect(run.head).toBeGreaterThanOrEqual(acknowledged.get(run.id) ?? 0)
    let after = 0
    while (after < run.head) {
      const page = await store.readAfter(run.id, { after, maxBytes: 1_000_000 })
      for (const event of page?.events ?? []) {
        after += 1
        expect(event.seq).toBe(after)
        expect(() => JSON.parse(event.json)).not.toThrow()
      }
      expect(page?.events.length).toBeGreaterThan(0)
    }
  }
}

function note(acknowledged: Acknowledged, { id, seq }: { id: string; seq: number }): void {
  acknowledged.set(id, Math.max(seq, acknowledged.get(id) ?? 0))
}

test('every acknowledged event outlives kill -9, in logs without a gap', { timeout: 300_000 }, async () => {
  const dataDir = temporaryFolder()
  const acknowledged: Acknowledged = new Map()
  for (let round = 0; round < (full ? 10 : 2); round += 1) {
    const program = startProgram('appender.ts', dataDir)
    let lines = 0
    for await (const text of program.lines) {
      note(acknowledged, JSON.parse(text))
      lines += 1
      if (lines === 150 + 37 * round) program.child.kill('SIGKILL')
    }
    expect(await program.ended).toBe('SIGKILL')
    const store = await openTemporary({ dataDir })
    await expectKept(store, acknowledged)
    await store.close()
  }
  expect(acknowledged.size).toBe(full ? 30 : 6)
})

const strace = spawnSync('strace', ['-V']).status === 0

test('an fsync that fails is fatal: nothing is acknowledged after it, and nothing before it is lost', async (context) => {
  if (!strace) context.skip('strace, which makes fsync fail, is not installed')
  const dataDir = temporaryFolder()
  const inject = ['-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO:when=40+']
  const program = startProgram('appender.ts', dataDir, [
    'strace',
    '-f',
    '-qq',
    '--seccomp-bpf',
    '-o',
    '/dev/null',
    ...inject,
  ])
  const acknowledged: Acknowledged = new Map()
  const afterwards: object[] = []
  for await (const text of program.lines) {
    const message = JSON.parse(text)
    if ('seq' in message && afterwards.length === 0) note(acknowledged, message)
    else afterwards.push(message)
  }
  expect(afterwards).toEqual([
    { fatal: expect.stringContaining('disk I/O error'), status: 'failed' },
    { refused: 'storage_failed' },
  ])
  expect(await program.ended).toBe(7)
  expect(acknowledged.size).toBe(3)
  await expectKept(await openTemporary({ dataDir }), acknowledged)
})
