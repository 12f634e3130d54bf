/** What a benchmark acquires, and gives back in the reverse order. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class Scratch {
  private readonly releases: (() => unknown)[] = []

  /** A folder on the disk that holds the system's temporary one, gone afterwards. */
  folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    this.releases.push(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
    return path
  }

  onRelease(release: () => unknown): void {
    this.releases.push(release)
  }

  async release(): Promise<void> {
    for (const release of this.releases.reverse()) await release()
    this.releases.length = 0
  }
}

/** Runs something with a scratch that is released whatever happens. */
export async function withScratch<Result>(use: (scratch: Scratch) => Promise<Result>): Promise<Result> {
  const scratch = new Scratch()
  try {
    return await use(scratch)
  } finally {
    await scratch.release()
  }
}
