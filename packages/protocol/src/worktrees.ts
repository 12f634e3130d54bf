/** Git worktrees that sessions work in (docs/sessions.md#worktrees). */
import type { FileChange } from './changes.ts'

/** In the data of `run:started`: the worktree that a session works in. */
export interface RunWorktree {
  id: string
  branch: string
  /** The files it began with. */
  commit: string
}

/** Type of the event that keeps the files of a session's worktree after a turn. */
export const checkpointType = 'session:checkpoint'

export interface CheckpointEvent {
  /** A commit of the files as they were, ignored ones excepted. It is on no branch. */
  commit: string
}

export interface Worktree {
  id: string
  project: string
  /** Name of the user for whose sessions it is. */
  owner: string
  branch: string
  /** The commit where its own work begins. */
  base: string
  /** The directory that sessions work in. */
  path: string
  createdAt: number
  /** When a session last began or ended in it. */
  usedAt: number
  /** Retention leaves it alone. */
  kept: boolean
  /** The session that works in it, or that waits there for an answer. Until it is over nothing can be merged or discarded. */
  run: string | null
  /** Null where it cannot be read. */
  state: {
    /** Files that are not committed. */
    uncommitted: number
    /** Commits that the project's branch does not have. */
    ahead: number
    /** Commits of the project's branch that it does not have. */
    behind: number
  } | null
}

export interface WorktreesResponse {
  worktrees: Worktree[]
}

export interface WorktreeResponse {
  worktree: Worktree
}

export interface WorktreeChangesResponse {
  files: FileChange[]
  /** How many more files changed than are listed. */
  filesLeftOut: number
}

/** `POST /api/worktrees/:id/merge`; the body may be absent. */
export interface MergeWorktreeBody {
  /** Of the commit with what was not committed, and of the merge. */
  message?: string | undefined
  /** Leaves the worktree and its branch. Default: both are removed, the branch if it was made for the worktree. */
  keep?: boolean | undefined
}

export interface MergeWorktreeResponse {
  /** What the project's branch names now. */
  commit: string
  /** How many commits it received. */
  commits: number
  /** The project's branch. */
  into: string
  removed: boolean
}
