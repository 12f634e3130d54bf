import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { capacityProblems, readCapacity } from '#compose/capacity'
import { bin, place } from '#test/cli/child'
import { workspace } from '#test/config/workspace'

const limits = (files: string, processes: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax processes             ${processes}                63704                processes\nMax open files            ${files}                 1048576              files\n`

describe('the capacity of a process', () => {
  // Seen failing: with 64 files the server started without a sandbox, with 40 it said that programs were missing.
  it.runIf(process.platform === 'linux').each(['64', '128'])(
    'a server that may open only %s files does not start, and says why',
    (files) => {
      const { cwd, env } = place()
      const script = `ulimit -n ${files}; exec "$0" "$1" serve --port 0`
      const ended = spawnSync('bash', ['-c', script, process.execPath, bin], { cwd, env, encoding: 'utf8' })
      expect(ended.status).toBe(1)
      expect(ended.stdout).toBe('')
      expect(ended.stderr).toContain(`millrace: only ${files} files may be open at once`)
      expect(ended.stderr).not.toMatch(/sandbox/i)
    },
  )

  it('limits are read from the kernel, and the tightest group counts', () => {
    const root = workspace({
      'proc/self/limits': limits('64', 'unlimited'),
      'proc/self/cgroup': '1:cpu:/x\n0::/a/b\n',
      'cg/pids.max': 'max\n',
      'cg/a/pids.max': '150\n',
      'cg/a/pids.current': '120\n',
      'cg/a/b/pids.max': '200\n',
      'cg/a/b/pids.current': '100\n',
    })
    const capacity = readCapacity(`${root}/proc`, `${root}/cg`)
    expect(capacity).toEqual({
      openFiles: 64,
      processes: { free: 30, limit: `pids.max of ${root}/cg/a is 150, and 120 are there` },
    })
    expect(capacityProblems(capacity)).toEqual([
      expect.stringMatching(/^only 64 files .*ulimit -n/),
      expect.stringMatching(/^only 30 more processes .*pids\.max/),
    ])
  })

  it.runIf(process.getuid?.() !== 0)('the threads of an ordinary user count against its own limit', () => {
    const uid = process.getuid?.()
    const root = workspace({
      'proc/self/limits': limits('4096', '100'),
      'proc/7/status': `Uid:\t${uid}\t0\t0\t0\nThreads:\t60\n`,
      'proc/8/status': 'Uid:\t4242\t0\t0\t0\nThreads:\t30\n',
    })
    expect(readCapacity(`${root}/proc`, `${root}/none`).processes).toMatchObject({ free: 40 })
  })

  it('an unlimited or unknown capacity is no problem', () => {
    const root = workspace({ 'proc/self/limits': limits('unlimited', 'unlimited') })
    expect(readCapacity(`${root}/proc`, root)).toEqual({ openFiles: null, processes: null })
    expect(capacityProblems(readCapacity(`${root}/nowhere`, root))).toEqual([])
  })
})
