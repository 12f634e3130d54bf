/**
 * Makes and removes the trees themselves. The registry names a tree before it exists and until it is gone.
 */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '@millrace/protocol'
import { ProjectOwner } from '@millrace/sandbox'
import { GitFailure, HostGit } from './host-git.ts'
import type { InsideGit } from './inside-git.ts'
import type { WorktreePlaces } from './places.ts'
import type { WorktreeQuota } from './quota.ts'
import type { Registry, WorktreeRecord } from './registry.ts'
import {
  branchExists,
  commitOf,
  type Project,
  type Repository,
  refused,
  repositoryOf,
  treeWith,
} from './repository.ts'
import * as work from './tree-work.ts'

export interface TreesParts {
  registry: Registry
  places: WorktreePlaces
  inside: InsideGit
  quota: Pick<WorktreeQuota, 'check'>
  now: () => number
}

export interface HoldRequest {
  runId: string
  /** A run that is woken holds its tree again. */
  attempt: number
  owner: string
  project: Project
  branch: string
  /** A new tree begins with the files of this commit, on its parent. */
  from?: string | undefined
}

export class Trees {
  readonly #parts: TreesParts

  constructor(parts: TreesParts) {
    this.#parts = parts
  }

  async make({ owner, project, branch, from, runId }: HoldRequest): Promise<WorktreeRecord> {
    const { places, registry, inside, quota, now } = this.#parts
    const projectOwner = new ProjectOwner(project.path)
    const git = new HostGit(projectOwner)
    const repository = await repositoryOf(git, project)
    await this.refuseTaken(git, project, branch)
    const exists = await branchExists(git, project.path, branch)
    const base = await this.#baseOf(git, project, { branch: exists ? branch : null, from, repository })
    // In one go with the entry in the registry: trees of other projects are made at the same time.
    quota.check(owner, { isNew: true })
    const id = randomUUID()
    const tree = places.prepare(projectOwner, { project: project.id, branch, id })
    const record: WorktreeRecord = {
      ...{
        id,
        project: project.id,
        owner,
        branch,
        base,
        tree,
        path: join(tree, repository.prefix).replace(/\/$/, ''),
      },
      ...{ ownsBranch: !exists, createdAt: now(), usedAt: now(), kept: false, ready: false },
    }
    registry.put(record)
    try {
      const which = exists ? [tree, branch] : ['-b', branch, tree, base]
      await git.text(project.path, ['worktree', 'add', '--quiet', '--no-checkout', ...which])
      const filtered = await git.checkOut(tree)
      if (!existsSync(record.path))
        throw new MillraceError(
          'invalid_request',
          `The branch ${branch} has no directory ${repository.prefix}`,
        )
      const place = { runId, directory: record.path }
      if (filtered.length > 0) await work.rewrite(inside, { ...place, directory: tree }, filtered)
      if (from !== undefined) await work.restore(inside, place, from)
    } catch (error) {
      await this.remove(record, project)
      throw error
    }
    const made = { ...record, ready: true }
    registry.put(made)
    return made
  }

  async #baseOf(
    git: HostGit,
    project: Project,
    { branch, from, repository }: { branch: string | null; from: string | undefined; repository: Repository },
  ): Promise<string> {
    // The commit of a checkpoint has the files; its parent is where the branch was.
    if (from !== undefined) {
      const checkpoint = await commitOf(git, project.path, from)
      if (checkpoint === null)
        throw new MillraceError('not_resumable', 'The files of that moment are no longer kept')
      return (await isCheckpoint(git, project.path, from))
        ? git.text(project.path, ['rev-parse', `${from}^`])
        : from
    }
    if (branch === null) return repository.head
    // What an old branch has of its own is part of what the worktree has.
    return git
      .text(project.path, ['merge-base', repository.head, `refs/heads/${branch}`])
      .catch(() => git.text(project.path, ['rev-parse', `refs/heads/${branch}`]))
  }

  /** `branch`: what becomes of the branch that was made for the tree. */
  async remove(
    record: WorktreeRecord,
    project: Project,
    branch: 'with its branch' | 'keep its branch' = 'with its branch',
  ): Promise<void> {
    const owner = new ProjectOwner(project.path)
    const git = new HostGit(owner)
    if (existsSync(record.tree)) {
      const isGone = await git.succeeds(project.path, [
        'worktree',
        'remove',
        '--force',
        '--force',
        record.tree,
      ])
      // Tools make directories that even their owner may not change (Go's downloads).
      if (!isGone) {
        await owner.run(['chmod', '-R', 'u+rwX', '--', record.tree], { cwd: '/' })
        const { code, stderr } = await owner.run(['rm', '-rf', '--', record.tree], { cwd: '/' })
        if (code !== 0) throw new GitFailure(stderr.trim())
      }
    }
    // Git knows it still, if its directory was removed without git.
    await git.succeeds(project.path, ['worktree', 'remove', '--force', '--force', record.tree])
    if (record.ownsBranch && branch === 'with its branch')
      await git.succeeds(project.path, ['branch', '--quiet', '--delete', '--force', record.branch])
    this.#parts.registry.remove(record.id)
  }

  /** Throws `invalid_request` where another working tree has the branch. */
  async refuseTaken(git: HostGit, project: Project, branch: string): Promise<void> {
    const tree = await treeWith(git, project.path, branch)
    if (tree === null || tree === this.#parts.registry.at(project.id, branch)?.tree) return
    throw refused(`a branch that is checked out nowhere else: ${branch} is in ${tree}`)
  }
}

/** Marks the commits of checkpoints. */
const checkpointSubject = 'Files of a session'

async function isCheckpoint(git: HostGit, cwd: string, commit: string): Promise<boolean> {
  return (
    (await git.text(cwd, ['log', '-1', '--format=%s%x00%ae', commit])) ===
    `${checkpointSubject}\0millrace@localhost`
  )
}
