/**
 * Samples the limits that the kernel does not enforce for us.
 *
 * Owns: one timer for all watched runs, which exists only while a run is watched.
 */
import { statfsSync, statSync } from 'node:fs'
import { ownMemoryOf } from '#processes/processes'
import type { DiskGuard } from './disk-guard.ts'
import type { Breach, ProcessLimits } from './sandbox.ts'

export const sampleEveryMs = 250
/** Of the samples, every how many one looks at the disk. */
const diskEvery = 2

export interface Watched {
  limits: ProcessLimits
  /** The living processes of the run. */
  members(): number[]
  /** Paths of the in-memory directories that only this run writes to. */
  scratch(): readonly string[]
  breached(limit: Breach): void
}

export class LimitWatch {
  private readonly watched = new Set<Watched>()
  private timer: NodeJS.Timeout | null = null
  private samples = 0
  private readonly disk: DiskGuard | null

  /** `disk`: absent, nobody is ended for what it writes to the disk. */
  constructor(disk: DiskGuard | null = null) {
    this.disk = disk
  }

  /** Watches a run, if there is anything to watch. Returns a function that stops watching. */
  watch(run: Watched): () => void {
    const { memoryBytes, processes } = run.limits
    if (this.disk === null && memoryBytes === undefined && processes === undefined) return () => {}
    this.watched.add(run)
    this.timer ??= setInterval(() => this.sample(), sampleEveryMs)
    return () => {
      this.watched.delete(run)
      this.disk?.forget(run)
      if (this.watched.size > 0 || this.timer === null) return
      clearInterval(this.timer)
      this.timer = null
    }
  }

  private sample(): void {
    for (const run of this.watched) {
      const breach = breachOf(run)
      if (breach === null) continue
      // Report the first breach only: the run is already being ended.
      this.watched.delete(run)
      run.breached(breach)
    }
    this.samples += 1
    if (this.samples % diskEvery !== 0) return
    const filler = this.disk?.look(this.watched) ?? null
    if (filler === null) return
    this.watched.delete(filler)
    filler.breached('disk')
  }
}

/**
 * Returns how to find the directories of a run. `init` is its first process, which at first sees the server's own files:
 * a sample at that moment would take the whole disk for what the run has used.
 */
export function scratchOf(init: number, directories: readonly string[]): Watched['scratch'] {
  const root = `/proc/${init}/root`
  return () => (hasOwnRoot(root) ? directories.map((directory) => root + directory) : [])
}

function hasOwnRoot(root: string): boolean {
  try {
    const [its, ours] = [statSync(`${root}/`), statSync('/')]
    return its.dev !== ours.dev || its.ino !== ours.ino
  } catch {
    return false
  }
}

function breachOf({ limits, members, scratch }: Watched): Breach | null {
  const pids = members()
  if (limits.processes !== undefined && pids.length > limits.processes) return 'processes'
  if (limits.memoryBytes === undefined) return null
  let used = 0
  for (const pid of pids) used += ownMemoryOf(pid)
  for (const directory of scratch()) used += usedBytesOf(directory)
  return used > limits.memoryBytes ? 'memory' : null
}

function usedBytesOf(directory: string): number {
  try {
    const { blocks, bfree, bsize } = statfsSync(directory)
    return (blocks - bfree) * bsize
  } catch {
    return 0
  }
}
