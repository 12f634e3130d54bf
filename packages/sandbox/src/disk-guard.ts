/**
 * Finds the run that fills the disk of the data directory, while there still is room to record its end.
 *
 * Owns: what each run had written when room became scarce. The kernel counts what processes write, wherever that is: in a
 * project, a cache or a kept home. A run that has written little is never blamed, however full the disk is.
 */
import { readFileSync, statfsSync } from 'node:fs'

export interface Disk {
  freeBytes(): number
  /** What a process, and those of its children that it has waited for, made the disk write. */
  writtenBytes(pid: number): number
}

interface Writer {
  members(): number[]
}

/** From here on, what runs write is counted. */
const scarceBytes = 2 * 1024 ** 3
/** From here on, the run that wrote most is ended. */
const leastBytes = 512 * 1024 ** 2
/** What a run has written at least before it is blamed. */
const blamedBytes = 64 * 1024 ** 2

export class DiskGuard {
  readonly #disk: Disk
  readonly #before = new Map<Writer, number>()
  #isScarce = false

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Returns the run that is to be ended for the sake of the others, if there is one. */
  look<Run extends Writer>(runs: Iterable<Run>): Run | null {
    const free = this.#disk.freeBytes()
    if (free >= scarceBytes) {
      this.#before.clear()
      this.#isScarce = false
      return null
    }
    // Of a run that begins from here on, everything counts.
    if (!this.#isScarce) for (const run of runs) this.#before.set(run, this.#writtenBy(run))
    this.#isScarce = true
    let most: { run: Run; bytes: number } | null = null
    for (const run of runs) {
      const bytes = this.#writtenBy(run) - (this.#before.get(run) ?? 0)
      if (bytes >= blamedBytes && bytes > (most?.bytes ?? 0)) most = { run, bytes }
    }
    return free < leastBytes ? (most?.run ?? null) : null
  }

  forget(run: Writer): void {
    this.#before.delete(run)
  }

  #writtenBy(run: Writer): number {
    return run.members().reduce((sum, pid) => sum + this.#disk.writtenBytes(pid), 0)
  }
}

export function diskOf(directory: string): Disk {
  return {
    freeBytes() {
      try {
        const { bavail, bsize } = statfsSync(directory)
        return bavail * bsize
      } catch {
        // A directory that is gone is noticed by others, and no run has filled it.
        return Number.POSITIVE_INFINITY
      }
    },
    writtenBytes(pid) {
      try {
        // proc(5): `write_bytes` counts what is sent to the storage layer, which memory is not.
        return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1] ?? 0)
      } catch {
        // It is gone, or the system counts nothing.
        return 0
      }
    },
  }
}
