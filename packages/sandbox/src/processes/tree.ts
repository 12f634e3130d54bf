/** The processes of one run, and how to end all of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  allStats,
  carriersOf,
  descendantsOf,
  isDead,
  isRunning,
  type ProcessIdentity,
  signal,
  statOf,
} from './processes.ts'

export interface ProcessTree {
  /** The living processes of the run, excluding those of the boundary itself. */
  members(): number[]
  /** False once no process is left, not even one of the boundary itself. */
  alive(): boolean
  terminate(): void
  kill(): void
}

/** The first check is soon, because most processes are gone at once. Later checks are less frequent. */
const firstPollMs = 5
const slowestPollMs = 100

/** Ends the tree: SIGTERM, `graceMs` later SIGKILL. Resolves when no process is left. */
export async function endTree(tree: ProcessTree, graceMs: number): Promise<void> {
  let pollMs = firstPollMs
  const pause = async (longest = slowestPollMs) => {
    await sleep(Math.min(pollMs, longest))
    pollMs = Math.min(pollMs * 1.5, slowestPollMs)
  }
  if (graceMs > 0 && tree.alive()) {
    tree.terminate()
    const deadline = performance.now() + graceMs
    for (let left = graceMs; left > 0 && tree.alive(); left = deadline - performance.now()) await pause(left)
    pollMs = firstPollMs
  }
  while (tree.alive()) {
    // Repeat the kill: without a sandbox, a process may have started during the last round.
    tree.kill()
    await pause()
  }
}

/** All processes of a pid namespace. They die with its first process. */
export function containedTree(init: ProcessIdentity): ProcessTree {
  const members = () => (isRunning(init) ? descendantsOf(init.pid) : [])
  return {
    members,
    alive: () => isRunning(init),
    terminate: () => {
      for (const pid of members()) signal(pid, 'SIGTERM')
    },
    kill: () => {
      if (isRunning(init)) signal(init.pid, 'SIGKILL')
    },
  }
}

/**
 * Without a namespace: the process group, its descendants, and processes that left both but still have the run's id
 * in their environment. A process that removes the id as well is not found.
 */
export function looseTree(leader: ProcessIdentity, runId: string, hasProc: boolean): ProcessTree {
  const runIds = new Set([runId])
  if (!hasProc) return groupTree(leader.pid)
  const members = () => {
    const group = allStats().filter((stat) => stat.group === leader.pid && !isDead(stat))
    const roots = [...group.map((stat) => stat.pid), ...carriersOf(runIds)]
    const found = new Set(roots.flatMap((pid) => [pid, ...descendantsOf(pid)]))
    found.delete(process.pid)
    return [...found].filter((pid) => {
      const stat = statOf(pid)
      return stat !== null && !isDead(stat)
    })
  }
  const all = (name: NodeJS.Signals) => () => {
    for (const pid of members()) signal(pid, name)
  }
  return { members, alive: () => members().length > 0, terminate: all('SIGTERM'), kill: all('SIGKILL') }
}

/** Without /proc, only the process group is visible. */
function groupTree(leader: number): ProcessTree {
  const alive = () => {
    try {
      process.kill(-leader, 0)
      return true
    } catch {
      return false
    }
  }
  return {
    members: () => [],
    alive,
    terminate: () => signal(-leader, 'SIGTERM'),
    kill: () => signal(-leader, 'SIGKILL'),
  }
}
