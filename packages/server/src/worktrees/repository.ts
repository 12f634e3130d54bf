/** What git says of a project's repository, and which branches a worktree may have. */
import { randomUUID } from 'node:crypto'
import { relative, resolve } from 'node:path'
import { MillraceError } from '@millrace/protocol'
import { GitFailure, type HostGit } from './host-git.ts'

export interface Project {
  id: string
  path: string
}

export interface Repository {
  /** The commit of the project's own working tree. */
  head: string
  /** Its branch; null if it is on none. */
  branch: string | null
  /** The project in its working tree, '' for the top, else with a slash at the end. */
  prefix: string
}

const branchCharsMax = 200
/** Git takes these for a commit, or for a ref with its whole name; people do not see what the last ones are. */
const mistakable = /^@$|^[A-Z_]*HEAD$|^refs\/|^(?:[0-9a-f]{40}|[0-9a-f]{64})$|\p{C}|\p{Z}/u

export function newBranch(): string {
  return `millrace-${randomUUID().slice(0, 8)}`
}

/** Throws `invalid_request` where the project has no repository that can have worktrees. */
export async function repositoryOf(git: HostGit, project: Project): Promise<Repository> {
  const isBare = await git.text(project.path, ['rev-parse', '--is-bare-repository']).catch((error) => {
    throw refused(`a project in a git repository: ${project.id} is in none (${wordsIn(error)})`)
  })
  if (isBare === 'true') throw refused(`a project with a working tree: ${project.id} is a bare repository`)
  const prefix = await git.text(project.path, ['rev-parse', '--show-prefix'])
  const head = await git
    .text(project.path, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'])
    .catch(() => {
      throw refused(`a repository with a commit: that of ${project.id} has none`)
    })
  const branch = await git
    .text(project.path, ['symbolic-ref', '--quiet', '--short', 'HEAD'])
    .catch(() => null)
  return { head, branch, prefix }
}

/** Throws `invalid_request` where git would take the name for something else. */
export async function checkBranchName(git: HostGit, cwd: string, branch: string): Promise<void> {
  const isName =
    branch.length <= branchCharsMax &&
    !branch.startsWith('-') &&
    !mistakable.test(branch) &&
    (await git.succeeds(cwd, ['check-ref-format', `refs/heads/${branch}`]))
  if (!isName) throw refused(`true, or the name of a branch: ${JSON.stringify(branch.slice(0, 100))} is none`)
}

/** Returns the directories in the project where git looks for hooks, relative to it. */
export async function hookDirectories(git: HostGit, project: Project): Promise<string[]> {
  const top = await git.text(project.path, ['rev-parse', '--show-toplevel'])
  const asked = ['config', '--show-scope', '--type=path', '-z', '--get-all', 'core.hooksPath']
  const parts = (await git.text(project.path, asked).catch(() => '')).split('\0')
  const found: string[] = []
  for (let at = 0; at + 1 < parts.length; at += 2) {
    // Ours, which switches hooks off.
    if (parts[at] === 'command') continue
    const path = relative(project.path, resolve(top, parts[at + 1] ?? ''))
    if (path !== '..' && !path.startsWith('../')) found.push(path)
  }
  return found
}

/** Returns the top of the working tree that has the branch checked out, or null. */
export async function treeWith(git: HostGit, cwd: string, branch: string): Promise<string | null> {
  const listed = await git.text(cwd, ['worktree', 'list', '--porcelain'])
  for (const one of listed.split('\n\n')) {
    const fields = one.split('\n')
    if (!fields.includes(`branch refs/heads/${branch}`)) continue
    return fields.find((field) => field.startsWith('worktree '))?.slice('worktree '.length) ?? null
  }
  return null
}

export async function commitOf(git: HostGit, cwd: string, name: string): Promise<string | null> {
  return git.text(cwd, ['rev-parse', '--verify', '--quiet', `${name}^{commit}`]).catch(() => null)
}

export function branchExists(git: HostGit, cwd: string, branch: string): Promise<boolean> {
  return git.succeeds(cwd, ['show-ref', '--verify', '--quiet', `refs/heads/${branch}`])
}

export function refused(expected: string): MillraceError {
  return new MillraceError('invalid_request', `worktree: expected ${expected}`, {
    fields: [{ path: 'worktree', expected }],
  })
}

export function wordsIn(error: unknown): string {
  return error instanceof GitFailure ? error.message : String(error)
}
