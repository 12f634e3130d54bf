/** What a benchmark acquires, and gives back in the reverse order. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class Scratch {
  private readonly releases: (() => unknown)[] = []
  private released: Promise<void> | null = null

  /** A folder on the disk that holds the system's temporary one, gone afterwards. */
  folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    this.releases.push(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
    return path
  }

  onRelease(release: () => unknown): void {
    this.releases.push(release)
  }

  /** Once, however often it is asked for. */
  release(): Promise<void> {
    this.released ??= this.releaseAll()
    return this.released
  }

  private async releaseAll(): Promise<void> {
    for (const release of this.releases.splice(0).reverse()) await release()
  }
}

const inUse = new Set<Scratch>()

/** Runs something with a scratch that is released whatever happens. */
export async function withScratch<Result>(use: (scratch: Scratch) => Promise<Result>): Promise<Result> {
  const scratch = new Scratch()
  inUse.add(scratch)
  try {
    return await use(scratch)
  } finally {
    inUse.delete(scratch)
    await scratch.release()
  }
}

/** A benchmark that is interrupted leaves no server behind. */
export function releaseOnSignal(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      for (const scratch of inUse) await scratch.release()
      process.exit(1)
    })
  }
}
