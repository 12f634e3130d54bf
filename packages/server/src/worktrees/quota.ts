/**
 * What the worktrees of one owner may take: a number of trees, and bytes on the disk.
 *
 * The registry holds the bytes of each tree, measured whenever a session has left it. So an owner may pass the limit by what
 * one session writes, and then starts none until there is room.
 */
import { existsSync } from 'node:fs'
import { MillraceError } from '@millrace/protocol'
import { ProjectOwner } from '@millrace/sandbox'
import type { Logger } from 'pino'
import type { Registry } from './registry.ts'

export interface WorktreeQuotaParts {
  registry: Registry
  limits: { perOwner: number; ownerBytes: number }
  log: Pick<Logger, 'warn'>
}

/** A tree with more files than can be counted by then keeps its last figure. */
const measureMsMax = 60_000

export class WorktreeQuota {
  readonly #parts: WorktreeQuotaParts

  constructor(parts: WorktreeQuotaParts) {
    this.#parts = parts
  }

  /** Throws `quota_exceeded` where the owner may start no session in a worktree. `isNew`: it would have to be made. */
  check(owner: string, { isNew }: { isNew: boolean }): void {
    const { perOwner, ownerBytes } = this.#parts.limits
    const trees = this.#parts.registry.all().filter((record) => record.owner === owner)
    if (isNew && trees.length >= perOwner)
      throw over(`${owner} has ${trees.length} worktrees, and may have ${perOwner} (worktrees.perOwner)`)
    const bytes = trees.reduce((sum, record) => sum + (record.bytes ?? 0), 0)
    if (bytes >= ownerBytes)
      throw over(
        `The worktrees of ${owner} take ${bytes} bytes, and may take ${ownerBytes} (worktrees.ownerBytes)`,
      )
  }

  /** Measures a tree anew. Never rejects. */
  async measure(id: string): Promise<void> {
    const { registry, log } = this.#parts
    const tree = registry.get(id)?.tree
    if (tree === undefined || !existsSync(tree)) return
    try {
      const owner = new ProjectOwner(tree)
      const { stdout } = await owner.run(['du', '-sk', '--', tree], { cwd: '/', timeoutMs: measureMsMax })
      const kibibytes = Number.parseInt(stdout, 10)
      // It may have been removed meanwhile.
      const record = registry.get(id)
      if (record !== undefined && !Number.isNaN(kibibytes))
        registry.put({ ...record, bytes: kibibytes * 1024 })
    } catch (error) {
      log.warn({ worktree: tree, err: error }, 'a worktree could not be measured')
    }
  }
}

function over(why: string): MillraceError {
  return new MillraceError('quota_exceeded', `${why}: merge or discard some`)
}
