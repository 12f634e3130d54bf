/**
 * Where worktrees lie: not in the data directory, which no run may enter, and not in the project, whose own tools would
 * find them there.
 *
 * Each user that runs have gets a directory that nobody else may enter: beside the data directory for the server's own
 * user, and in /var/lib for the owners of other projects of root's server.
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ProjectOwner } from '@millrace/sandbox'

export class WorktreePlaces {
  readonly #own: string
  readonly #others: string

  /** `directory` is that of the configuration. */
  constructor(dataDir: string, directory: string | undefined) {
    this.#own = directory ?? `${dataDir}-worktrees`
    const server = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
    this.#others = directory ?? join('/var/lib', `millrace-${server}`, 'worktrees')
  }

  /** Returns where the tree will be. Its parent exists then and belongs to the owner. */
  prepare(
    owner: ProjectOwner,
    { project, branch, id }: { project: string; branch: string; id: string },
  ): string {
    const root = owner.isServer ? this.#own : this.#others
    mkdirSync(root, { recursive: true, mode: 0o711 })
    const parent = join(root, String(owner.uid))
    owner.makeDirectory(parent)
    return join(parent, `${plain(project)}-${plain(branch)}-${id.slice(0, 8)}`)
  }
}

/** A name that needs no quotes in a shell. */
function plain(name: string): string {
  return (
    name
      .replaceAll(/[^A-Za-z0-9._]+/g, '-')
      .replace(/^[-.]+/, '')
      .slice(0, 40) || 'x'
  )
}
