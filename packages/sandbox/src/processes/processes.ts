/**
 * Reads /proc for facts about processes. Every answer describes this moment: a process may be gone before the
 * caller uses it, so stored processes are identified by pid and start time before they are signalled. Without
 * /proc, every answer is "nothing".
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessIdentity {
  pid: number
  /** Field 22 of `/proc/<pid>/stat`. */
  startTime: number
}

export interface ProcessStat extends ProcessIdentity {
  state: string
  parent: number
  group: number
}

/** The environment variable that names the run a process belongs to. */
export const runIdVariable = 'MILLRACE_RUN_ID'

export function statOf(pid: number): ProcessStat | null {
  const text = read(`/proc/${pid}/stat`)
  if (text === null) return null
  // The second field is the program's name in brackets, which may itself contain brackets and blanks.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, parent, group] = fields
  const startTime = Number(fields[19])
  if (state === undefined || !Number.isFinite(startTime)) return null
  return { pid, state, parent: Number(parent), group: Number(group), startTime }
}

export function startTimeOf(pid: number): number {
  return statOf(pid)?.startTime ?? 0
}

/** False for a zombie too: it does not run, and its parent may never reap it. */
export function isRunning(process: ProcessIdentity): boolean {
  const stat = statOf(process.pid)
  return stat !== null && stat.startTime === process.startTime && !isDead(stat)
}

export function isDead(stat: ProcessStat): boolean {
  return stat.state === 'Z' || stat.state === 'X'
}

export function allPids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

export function allStats(): ProcessStat[] {
  return allPids().flatMap((pid) => statOf(pid) ?? [])
}

/** Returns every living descendant of a process, excluding the process itself. */
export function descendantsOf(pid: number): number[] {
  const known = new Set([pid])
  const waiting = [pid]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const child of childrenOf(next)) {
      if (known.has(child)) continue
      known.add(child)
      waiting.push(child)
    }
  }
  known.delete(pid)
  return [...known]
}

/** Some kernels lack the file `children`. Then the parent of every process is read instead. */
const kernelListsChildren = read(`/proc/${process.pid}/task/${process.pid}/children`) !== null

function childrenOf(pid: number): number[] {
  if (!kernelListsChildren)
    return allStats()
      .filter((stat) => stat.parent === pid)
      .map((stat) => stat.pid)
  let threads: string[]
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
  return threads.flatMap((thread) => {
    const list = read(`/proc/${pid}/task/${thread}/children`)?.trim()
    return list ? list.split(' ').map(Number) : []
  })
}

/** Returns the processes whose environment names one of these runs. */
export function carriersOf(runIds: ReadonlySet<string>): number[] {
  return allPids().filter((pid) => {
    const environment = read(`/proc/${pid}/environ`)
    if (!environment?.includes(runIdVariable)) return false
    return environment
      .split('\0')
      .some(
        (entry) => entry.startsWith(`${runIdVariable}=`) && runIds.has(entry.slice(runIdVariable.length + 1)),
      )
  })
}

/**
 * Returns the memory of a process itself: what it allocated and what it shares deliberately, without mapped files
 * (every process of a run maps the same libraries).
 */
export function ownMemoryOf(pid: number): number {
  const status = read(`/proc/${pid}/status`)
  if (status === null) return 0
  const kilobytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
  return (kilobytes('RssAnon') + kilobytes('RssShmem')) * 1024
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}

/** Signals a process if it is still there. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It is already gone, which is the purpose of the signal.
  }
}
