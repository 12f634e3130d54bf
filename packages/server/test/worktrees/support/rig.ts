/** Worktrees over real repositories and a real sandbox, for one test file. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenSandbox } from '@millrace/sandbox'
import { git, Workspace } from '@millrace/test-support/workspace'
import { pino } from 'pino'
import { afterAll, beforeAll } from 'vitest'
import { WorktreePlaces } from '#worktrees/places'
import { Registry } from '#worktrees/registry'
import { type HeldWorktree, Worktrees } from '#worktrees/worktrees'

export const ada = { user: 'ada', admin: false }

export interface TestProject {
  id: string
  path: string
}

interface Options {
  busy?: boolean
  /** Branches whose worktrees a run has taken that has no process now. */
  waiting?: readonly string[]
  now?: () => number
  lines?: string[]
  registry?: Registry
  limits?: { perOwner: number; ownerBytes: number }
}

/** Everything is closed and checked after the tests of the file. */
export function worktreeRig() {
  const workspace = new Workspace()
  let sandbox: OpenSandbox | undefined
  let runs = 0
  beforeAll(async () => {
    sandbox = await workspace.open([])
  })
  afterAll(() => workspace.close())

  return {
    workspace,
    /** With one commit. */
    repository(name: string): TestProject {
      const path = workspace.project(name)
      git(path, 'init', '--quiet', '--initial-branch=main')
      writeFileSync(join(path, 'README'), 'one\ntwo\nthree\n')
      writeFileSync(join(path, '.gitignore'), 'ignored\n')
      git(path, 'add', '.')
      git(path, 'commit', '--quiet', '-m', 'first')
      return { id: name, path }
    },
    /** A server's worktrees of these projects; opened again, they are those of the next start. */
    open(
      projects: readonly TestProject[],
      {
        busy = false,
        waiting = [],
        now = Date.now,
        lines = [],
        registry = new Registry(workspace.dataDir),
        limits = { perOwner: 100, ownerBytes: 1024 ** 3 },
      }: Options = {},
    ): Worktrees {
      if (sandbox === undefined) throw new Error('the sandbox is not open yet')
      return new Worktrees({
        registry,
        limits,
        places: new WorktreePlaces(workspace.dataDir, join(workspace.root, 'trees')),
        projects: new Map(projects.map((project) => [project.id, project])),
        sandbox,
        takenBy: async ({ branch }) =>
          (branch === null ? busy : waiting.includes(branch)) ? 'a parked run' : null,
        now,
        log: pino({}, { write: (line: string) => void lines.push(line) }),
      })
    },
    /** As a session that asks for a worktree. */
    async hold(
      worktrees: Worktrees,
      project: TestProject,
      asked: true | string = true,
      owner = 'ada',
    ): Promise<HeldWorktree> {
      const branch = await worktrees.branchFor(project, asked, owner)
      runs += 1
      return worktrees.hold({ runId: `run-${runs}`, attempt: 1, owner, project, branch })
    },
  }
}

export async function only(worktrees: Worktrees, project: string) {
  const [found] = await worktrees.list(ada, project)
  if (found === undefined) throw new Error(`no worktree of ${project}`)
  return found
}
