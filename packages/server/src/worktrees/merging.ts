/** Merges the branch of a worktree into that of its project, or says in words why that is not possible. */
import { MillraceError } from '@millrace/protocol'
import type { HostGit } from './host-git.ts'
import type { InsideGit } from './inside-git.ts'
import type { WorktreeRecord } from './registry.ts'
import { hookDirectories, type Project, repositoryOf } from './repository.ts'
import * as work from './tree-work.ts'

interface Merging {
  project: Project
  git: HostGit
  inside: InsideGit
  message: string | undefined
}

/** Throws `not_mergeable`, or git's failure; the project is as it was then. */
export async function mergeWorktree(
  record: WorktreeRecord,
  { project, git, inside, message }: Merging,
): Promise<{ commit: string; commits: number; into: string }> {
  const { branch: into, head } = await repositoryOf(git, project)
  if (into === null) throw notMergeable(record, 'the project is on no branch')
  const subject = message ?? `Work in ${record.branch}`
  const tree = { runId: record.id, directory: record.path }
  const commit = await work.commitAll(inside, tree, [record.branch, subject])
  const commits = Number(await git.text(project.path, ['rev-list', '--count', `${head}..${commit}`]))
  const hooks = await hookDirectories(git, project)
  const merged = await work.merge(
    inside,
    { runId: record.id, directory: project.path },
    { commit, message: message ?? `Merge branch '${record.branch}'`, protectedNames: protectedNames(hooks) },
  )
  switch (merged.kind) {
    case 'merged':
      return { commit: merged.commit, commits, into }
    case 'conflict': {
      const why = `${into} and it changed the same lines of ${merged.files.join(', ')}`
      throw notMergeable(record, `${why}; nothing was changed`, { files: merged.files })
    }
    case 'protected':
      throw notMergeable(
        record,
        `it changes ${merged.file}, which no run may write; merge it with git if that is meant`,
      )
    case 'outside':
      throw notMergeable(record, `it changes ${merged.file}, which is not in the project`)
    default:
      throw notMergeable(record, merged.words)
  }
}

/** What a run may not write in its project: a merge is made by a run's means. */
export function protectedNames(hooks: readonly string[]): RegExp {
  const names = [
    String.raw`\.claude(?:/|$)`,
    String.raw`\.mcp\.json$`,
    String.raw`millrace\.config\.(?:ts|js|json)$`,
    // Hooks in a deeper directory may run the files beside it.
    ...hooks.map((path) => (path === '' ? hookName : `${escaped(path.split('/')[0] ?? '')}(?:/|$)`)),
  ]
  return new RegExp(`^(?:${names.join('|')})`)
}

function escaped(name: string): string {
  return name.replaceAll(/[^\w-]/g, '\\$&')
}

/** All that git has are named like this. */
const hookName = '[a-z0-9-]+$'

export function notMergeable(
  record: WorktreeRecord,
  why: string,
  details?: Record<string, unknown>,
): MillraceError {
  return new MillraceError('not_mergeable', `${record.branch} cannot be merged: ${why}`, { details })
}
