/**
 * Small files that are copied into each run.
 *
 * Owns: the directory `sandbox` in the data directory, with one file for each distinct content, named after
 * its hash. There are few of them, they contain nothing secret, and the next server reuses them. They are
 * passed as open descriptors, because the run's user may not reach the data directory.
 */
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface OpenFile {
  path: string
  /** Of the copy. */
  mode: number
  descriptor: number
}

export class CopiedFiles {
  private readonly directory: string
  private readonly files = new Map<string | Buffer, string>()

  constructor(dataDir: string) {
    this.directory = join(dataDir, 'sandbox')
  }

  /** Opens one descriptor for each file. The caller closes them. */
  open(wanted: readonly (readonly [path: string, content: string | Buffer, mode?: number])[]): OpenFile[] {
    const opened: OpenFile[] = []
    try {
      for (const [path, content, mode = 0o444] of wanted)
        opened.push({ path, mode, descriptor: openSync(this.fileWith(content), 'r') })
      return opened
    } catch (error) {
      for (const { descriptor } of opened) closeSync(descriptor)
      throw error
    }
  }

  private fileWith(content: string | Buffer): string {
    const known = this.files.get(content)
    if (known !== undefined) return known
    const file = join(this.directory, createHash('sha256').update(content).digest('hex'))
    mkdirSync(this.directory, { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.new`, content, { mode: 0o600 })
    renameSync(`${file}.new`, file)
    this.files.set(content, file)
    return file
  }
}
