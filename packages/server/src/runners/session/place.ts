/** Where a session works: in its project, or in a worktree of it. */
import { realpathSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isWithin } from '@millrace/policy'
import { type CheckpointEvent, checkpointType, MillraceError } from '@millrace/protocol'
import type { RunContext } from '#runners/runner'
import type { HeldWorktree, Worktrees } from '#worktrees/worktrees'
import type { SessionSpec } from './prepare.ts'

export interface SessionPlace {
  projectPath: string
  cwd: string
  /** What `run:started` says of it, besides what it says of every session. */
  started: Record<string, unknown> | undefined
  /** Keeps the files as they are; never rejects. Null: they are not kept. */
  checkpoint: (() => Promise<void>) | null
  release(): void
}

type Context = Pick<RunContext, 'run' | 'emit' | 'log'>
type Project = NonNullable<RunContext['project']>

/** Throws with words for a person. */
export async function placeOf(
  context: Context,
  project: Project,
  worktrees: Pick<Worktrees, 'hold'> | undefined,
): Promise<SessionPlace> {
  const { cwd = project.path, worktree: branch, fork } = context.run.spec as unknown as SessionSpec
  if (branch === undefined)
    return { projectPath: project.path, cwd, started: undefined, checkpoint: null, release: () => {} }
  if (worktrees === undefined) throw new MillraceError('invalid_request', 'This server keeps no worktrees')
  const { id: runId, attempt, owner } = context.run
  const held = await worktrees.hold({ runId, attempt, owner, project, branch, from: fork?.files })
  try {
    return inWorktree(context, held, { project, cwd })
  } catch (error) {
    held.release()
    throw error
  }
}

function inWorktree(
  { emit, log }: Context,
  { id, branch, path, commit, checkpoint, release }: HeldWorktree,
  { project, cwd }: { project: Project; cwd: string },
): SessionPlace {
  let last = commit
  return {
    projectPath: path,
    cwd: sameDirectory(path, relative(project.path, cwd)),
    started: { worktree: { id, branch, commit } },
    checkpoint: async () => {
      try {
        const data: CheckpointEvent = { commit: await checkpoint() }
        if (data.commit === last) return
        last = data.commit
        await emit([{ type: checkpointType, data }])
      } catch (error) {
        log.warn({ err: error }, 'the files of a session could not be kept after a turn')
      }
    },
    release,
  }
}

/** The worktree may have another branch, where the directory is missing or a link. */
function sameDirectory(path: string, below: string): string {
  const expected = `The worktree has no directory ${below}`
  try {
    const real = realpathSync(join(path, below))
    if (isWithin(path, real) && statSync(real).isDirectory()) return real
  } catch (error) {
    throw new MillraceError('invalid_request', expected, { cause: error })
  }
  throw new MillraceError('invalid_request', expected)
}
