/** Who is ended when the disk of the data directory is about to be full. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { finish, Workspace } from '@millrace/test-support/workspace'
import { afterAll, describe, expect, it } from 'vitest'
import { DiskGuard, diskOf } from '#disk-guard'

const gib = 1024 ** 3
const mib = 1024 ** 2

describe('the guard of the disk', () => {
  /** Runs by the pids of their processes, and what each process has written. */
  function guarded() {
    const disk = { free: 100 * gib, written: new Map<number, number>() }
    const guard = new DiskGuard({
      freeBytes: () => disk.free,
      writtenBytes: (pid) => disk.written.get(pid) ?? 0,
    })
    const run = (...pids: number[]) => ({ members: () => pids })
    return { disk, guard, run }
  }

  it('blames the run that wrote most since room became scarce, whatever was written before', () => {
    const { disk, guard, run } = guarded()
    const [old, filler, other] = [run(1), run(2, 3), run(4)]
    const runs = [old, filler, other]
    disk.written.set(1, 500 * gib)
    expect(guard.look(runs)).toBeNull()
    disk.free = 1 * gib
    expect(guard.look(runs)).toBeNull()
    for (const [pid, bytes] of [
      [2, 50],
      [3, 60],
      [4, 90],
    ] as const)
      disk.written.set(pid, bytes * mib)
    expect(guard.look(runs)).toBeNull()
    disk.free = 0.4 * gib
    expect(guard.look(runs)).toBe(filler)
    expect(guard.look([old, other])).toBe(other)
    expect(guard.look([old])).toBeNull()
  })

  // Failed before: the timer that asks threw, which ended the server.
  it('a directory that is gone has room', () => {
    expect(diskOf('/nonexistent/data').freeBytes()).toBe(Number.POSITIVE_INFINITY)
  })

  it('ends nobody who wrote little, however full the disk is', () => {
    const { disk, guard, run } = guarded()
    disk.free = 0
    const runs = [run(1), run(2)]
    guard.look(runs)
    disk.written.set(1, 63 * mib)
    expect(guard.look(runs)).toBeNull()
  })

  it('counts all that a run writes which begins while room is scarce', () => {
    const { disk, guard, run } = guarded()
    disk.free = 0.1 * gib
    expect(guard.look([run(1)])).toBeNull()
    disk.written.set(2, 70 * mib)
    const late = run(2)
    expect(guard.look([run(1), late])).toBe(late)
  })

  it('begins anew once there was room again', () => {
    const { disk, guard, run } = guarded()
    const writer = run(1)
    disk.free = 1 * gib
    guard.look([writer])
    disk.written.set(1, 900 * mib)
    disk.free = 50 * gib
    guard.look([writer])
    disk.free = 0.1 * gib
    expect(guard.look([writer])).toBeNull()
  })
})

describe('a run in the sandbox', () => {
  const workspace = new Workspace()
  const project = workspace.project('project', 'somebody')
  afterAll(() => workspace.close())

  it('that fills the disk through its project is ended for it, and a quiet one beside it is not', async () => {
    const grown = () => statSync(join(project, 'big'), { throwIfNoEntry: false })?.size ?? 0
    const freeBytes = () => (grown() < 80 * mib ? 1 * gib : 0)
    const { writtenBytes } = diskOf(workspace.dataDir)
    const sandbox = await workspace.open([project], { disk: { freeBytes, writtenBytes } })
    const spawn = (script: string) => workspace.spawn(sandbox, project, ['sh', '-c', script])
    const quiet = await spawn('sleep 300')
    const filler = await spawn(`
      while [ ! -e start ]; do sleep 0.1; done
      dd if=/dev/zero of=big bs=1M count=100; sleep 300`)
    const started = await workspace.sh(
      sandbox,
      project,
      // Room that is taken without writing would be nobody's.
      'fallocate -l 100M f; ls f | wc -l; stat -c %b f 2>/dev/null; sleep 1; touch start',
    )
    expect(started.stdout).toMatch(/^(0|1\n0)\n/)
    const { exit } = await finish(filler)
    expect([filler.breach, exit.signal]).toEqual(['disk', 'SIGKILL'])
    expect(quiet.breach).toBeUndefined()
    await quiet.end(0)
  })
})
