/**
 * Small files whose content each run gets a copy of.
 *
 * Owns: one file in the data directory for each distinct content (there are few), until `close()`.
 * Handed over as open descriptors, since the run's user may not reach the data directory.
 */
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface OpenFile {
  path: string
  descriptor: number
}

export class CopiedFiles {
  private readonly directory: string
  private readonly files = new Map<string, string>()

  constructor(dataDir: string) {
    this.directory = mkdtempSync(join(dataDir, 'sandbox-'))
  }

  /** Opens one descriptor each; the caller closes them. */
  open(wanted: readonly (readonly [path: string, content: string])[]): OpenFile[] {
    return wanted.map(([path, content]) => ({ path, descriptor: openSync(this.fileWith(content), 'r') }))
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }

  private fileWith(content: string): string {
    const known = this.files.get(content)
    if (known !== undefined) return known
    const file = join(this.directory, String(this.files.size))
    writeFileSync(file, content, { mode: 0o600 })
    this.files.set(content, file)
    return file
  }
}
