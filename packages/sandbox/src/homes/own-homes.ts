/**
 * The private homes of runs without a boundary: directories of the host.
 *
 * Owns: every home from `make()` until it is gone. One that could not be removed when its run was over (no
 * descriptor was free, say) is tried again with the next one and at `close()`, and no run waits for it.
 */
import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/**
 * What their names begin with: outside the data directory, which their users may not enter, and
 * recognisable, so that what a killed server left is found.
 */
export function homePrefixOf(dataDir: string): string {
  const server = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  return join(tmpdir(), `millrace-home-${server}-`)
}

export class OwnHomes {
  private readonly prefix: string
  private readonly over = new Set<string>()

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** Removes what an earlier server on this data directory left; no run of it is alive. */
  recover(): void {
    const directory = dirname(this.prefix)
    for (const name of readdirSync(directory)) {
      if (name.startsWith(basename(this.prefix))) this.over.add(join(directory, name))
    }
    this.close()
  }

  make(): string {
    return mkdtempSync(this.prefix)
  }

  /** Never fails. */
  remove(home: string): void {
    this.over.add(home)
    this.close()
  }

  /** Removes every home whose run is over. */
  close(): void {
    for (const home of this.over) if (isRemoved(home)) this.over.delete(home)
  }
}

function isRemoved(home: string): boolean {
  for (const prepare of [() => {}, () => openDirectories(home)]) {
    try {
      prepare()
      rmSync(home, { recursive: true, force: true })
      return true
    } catch {
      // A run may have closed directories to itself, as Go does with what it downloads.
    }
  }
  return false
}

function openDirectories(directory: string): void {
  chmodSync(directory, 0o700)
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) openDirectories(join(directory, entry.name))
  }
}
