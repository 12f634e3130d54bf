/**
 * How many files and processes this process may use. Too few show up as something else: a sandbox that "does not
 * work", a program that "is not found", a file that "is missing". A server says so instead, before it starts.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Capacity {
  /** Files that may be open at once; null if that is not known, or unlimited. */
  openFiles: number | null
  /** Processes and threads that may still be started, and what limits them; null as above. */
  processes: { free: number; limit: string } | null
}

/** An idle server has 51 open; each run, follower and connection to the store adds some. */
const openFilesMin = 256
/** An idle server has 13 threads; the test of the sandbox and one agent session need about 40 more. */
const processesFreeMin = 100

/** One sentence for each limit that is too low, with the way to raise it. */
export function capacityProblems({ openFiles, processes }: Capacity): string[] {
  const problems: string[] = []
  if (openFiles !== null && openFiles < openFilesMin) {
    problems.push(
      `only ${openFiles} files may be open at once, and a server needs at least ${openFilesMin}: raise the limit ("ulimit -n 65536", or LimitNOFILE= of systemd)`,
    )
  }
  if (processes !== null && processes.free < processesFreeMin) {
    problems.push(
      `only ${processes.free} more processes may be started (${processes.limit}), and a server needs at least ${processesFreeMin}: raise the limit, or end what uses it up`,
    )
  }
  return problems
}

/** On platforms without /proc, nothing is known. */
export function readCapacity(proc = '/proc', cgroups = '/sys/fs/cgroup'): Capacity {
  const limits = read(join(proc, 'self/limits')) ?? ''
  const free = [ofUser(limits, proc), ofGroups(proc, cgroups)].filter((found) => found !== null)
  return {
    openFiles: softLimit(limits, 'Max open files'),
    processes: free.toSorted((left, right) => left.free - right.free)[0] ?? null,
  }
}

function softLimit(limits: string, name: string): number | null {
  const text = limits.split('\n').find((line) => line.startsWith(name))
  const soft = text?.slice(name.length).trim().split(/\s+/)[0] ?? ''
  return /^\d+$/.test(soft) ? Number(soft) : null
}

/** setrlimit(2), RLIMIT_NPROC: counts the threads of the real user; does not bind root. */
function ofUser(limits: string, proc: string): Capacity['processes'] {
  const most = softLimit(limits, 'Max processes')
  const uid = process.getuid?.() ?? 0
  if (most === null || uid === 0) return null
  let used = 0
  for (const pid of list(proc)) {
    const status = /^\d+$/.test(pid) ? (read(join(proc, pid, 'status')) ?? '') : ''
    if (new RegExp(`^Uid:\\s+${uid}\\s`, 'm').test(status))
      used += numberIn(status, /^Threads:\s+(\d+)/m) ?? 0
  }
  return { free: Math.max(0, most - used), limit: `"ulimit -u" is ${most}, and this user has ${used}` }
}

/** cgroup v2, pids.max: of this group and of every one around it. */
function ofGroups(proc: string, cgroups: string): Capacity['processes'] {
  const own = /^0::(\/.*)$/m.exec(read(join(proc, 'self/cgroup')) ?? '')?.[1]
  if (own === undefined) return null
  let tightest: Capacity['processes'] = null
  const parts = own.split('/').filter((part) => part !== '')
  for (let depth = parts.length; depth >= 0; depth--) {
    const group = join(cgroups, ...parts.slice(0, depth))
    const most = numberIn(read(join(group, 'pids.max')) ?? '', /^(\d+)$/m)
    const used = numberIn(read(join(group, 'pids.current')) ?? '', /^(\d+)$/m)
    if (most === null || used === null) continue
    const free = Math.max(0, most - used)
    if (tightest === null || free < tightest.free) {
      tightest = { free, limit: `pids.max of ${group} is ${most}, and ${used} are there` }
    }
  }
  return tightest
}

function numberIn(text: string, pattern: RegExp): number | null {
  const found = pattern.exec(text)?.[1]
  return found === undefined ? null : Number(found)
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
