/**
 * The private homes of runs without a boundary: directories of the host.
 *
 * Owns: every home from `make()` until it is removed. If a home cannot be removed when its run is over (for
 * instance because no descriptor is free), the next removal and `close()` try again. No run waits for that.
 */
import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/**
 * Returns the prefix of the homes. They lie outside the data directory, which their users may not enter, and
 * their names are recognisable, so that a later server finds those that a killed server left behind.
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

  /** Removes the homes that an earlier server on this data directory left behind. None of its runs is alive. */
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
    for (const home of this.over) if (removeTree(home)) this.over.delete(home)
  }
}

/** Never fails. Returns whether nothing is left. */
export function removeTree(home: string): boolean {
  for (const prepare of [() => {}, () => openDirectories(home)]) {
    try {
      prepare()
      rmSync(home, { recursive: true, force: true })
      return true
    } catch {
      // A run may have made directories unwritable for itself, as Go does with its downloads.
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
