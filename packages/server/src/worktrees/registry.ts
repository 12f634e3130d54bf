/**
 * Which worktrees this server keeps: a file in the data directory, as the trees are directories of this machine.
 *
 * Invariants: a worktree is named here before it exists and until it is gone, so that none outlives a crash unseen; the
 * file is replaced as a whole, so that it is never half written.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const worktreeRecord = z.object({
  id: z.uuid(),
  project: z.string(),
  /** The user who may see it, besides admins. */
  owner: z.string(),
  branch: z.string(),
  /** The commit it began at. */
  base: z.string(),
  /** Top of the working tree. */
  tree: z.string(),
  /** Where runs work: the tree, or the project's directory in it. */
  path: z.string(),
  /** The branch was made for it, and goes with it. */
  ownsBranch: z.boolean(),
  createdAt: z.int(),
  /** When a run last began or ended in it. */
  usedAt: z.int(),
  /** Retention leaves it alone. */
  kept: z.boolean(),
  /** False: it is being made, or the server died while it was. */
  ready: z.boolean(),
  /** On the disk, when a session last left it. Absent: none has. */
  bytes: z.int().optional(),
})

export type WorktreeRecord = z.infer<typeof worktreeRecord>

export class Registry {
  readonly #file: string
  readonly #records: Map<string, WorktreeRecord>

  /** Throws if the file cannot be read: a server that forgot its worktrees would take them for nobody's. */
  constructor(dataDir: string) {
    this.#file = join(dataDir, 'worktrees.json')
    this.#records = new Map(read(this.#file).map((record) => [record.id, record]))
  }

  all(): WorktreeRecord[] {
    return [...this.#records.values()]
  }

  get(id: string): WorktreeRecord | undefined {
    return this.#records.get(id)
  }

  at(project: string, branch: string): WorktreeRecord | undefined {
    return this.all().find((record) => record.project === project && record.branch === branch)
  }

  put(record: WorktreeRecord): void {
    this.#records.set(record.id, record)
    this.#write()
  }

  remove(id: string): void {
    this.#records.delete(id)
    this.#write()
  }

  #write(): void {
    const next = `${this.#file}.next`
    const file = openSync(next, 'w', 0o600)
    try {
      writeSync(file, JSON.stringify(this.all(), null, 1))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(next, this.#file)
  }
}

function read(file: string): WorktreeRecord[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return z.array(worktreeRecord).parse(JSON.parse(text))
}
