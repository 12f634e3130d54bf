/**
 * The kind `session`: an agent at work on a project, the built-in one or one that the configuration names.
 *
 * Owns: the result of the self-test of the built-in agent. Invariant: that agent never starts before the self-test has
 * ended, or if it found a problem.
 */
import { MillraceError } from '@millrace/protocol'
import { startSessionBody } from '@millrace/protocol/schemas'
import type { Config } from '#config/config'
import type { Availability, Kind, Resumable, SelfTest } from '#runners/kind'
import type { Runner } from '#runners/runner'
import type { Worktrees } from '#worktrees/worktrees'
import { forkableSession } from './fork.ts'
import { prepareSession } from './prepare.ts'

export interface SessionKindOptions {
  config: Pick<Config, 'projects' | 'concurrency'>
  runner: Runner
  /** Names of the agents besides the built-in one. Default: none. */
  others?: readonly string[]
  /** Why the built-in agent cannot start, whatever the self-test would find; null if there is no such reason. */
  unavailable: string | null
  selfTest(): Promise<SelfTest>
  /** Absent: sessions work in their projects only. */
  worktrees?: Pick<Worktrees, 'branchFor'> | undefined
}

/** The prompt of a session that is resumed without one. */
const continuations = {
  completed: 'Review what has already been done, then continue with what is left of the task.',
  cutShort: 'You were interrupted. Review what has already been done, then continue with the task.',
}

export const resumableSession: Resumable = {
  request(run, prompt) {
    const usual = run.state === 'completed' ? continuations.completed : continuations.cutShort
    // Its transcript has all of the conversation; its files are those it left.
    const { fork: _fork, ...spec } = run.spec
    return { ...spec, kind: run.kind, prompt: prompt ?? usual }
  },
}

export function sessionKind({
  config,
  runner,
  others = [],
  unavailable,
  selfTest,
  worktrees,
}: SessionKindOptions): Kind {
  let problems = unavailable === null ? [] : [unavailable]
  let test: Promise<SelfTest> | undefined

  async function runSelfTest(): Promise<SelfTest> {
    // With other agents it is no problem of the kind.
    if (unavailable !== null) return { problems: others.length > 0 ? [] : [unavailable], warnings: [] }
    const found = await selfTest()
    problems = found.problems
    return found
  }
  const tested = () => {
    test ??= runSelfTest()
    return test
  }
  const builtIn = (): Availability =>
    problems.length === 0 ? { available: true } : { available: false, reason: problems.join('; ') }
  /** Several sessions of a project work at once, each in a worktree. */
  const inWorktree = async (
    prepared: ReturnType<typeof prepareSession>,
    asked: true | string,
    owner: string,
  ) => {
    const project = config.projects.get(prepared.project)
    if (worktrees === undefined || project === undefined)
      throw new MillraceError('invalid_request', 'This server keeps no worktrees')
    const worktree = await worktrees.branchFor(project, asked, owner)
    return { ...prepared, spec: { ...prepared.spec, worktree }, place: `${project.id}\n${worktree}` }
  }
  const isOther = (agent: unknown) => typeof agent === 'string' && others.includes(agent)

  return {
    kind: 'session',
    request: startSessionBody,
    concurrency: config.concurrency.session,
    exclusive: true,
    listens: true,
    resumable: resumableSession,
    forkable: forkableSession,
    prepare: (request, owner) => {
      const prepared = prepareSession(request, { ...config, agents: others })
      const now = builtIn()
      if (!isOther(prepared.spec.agent) && !now.available)
        throw new MillraceError('agent_unavailable', now.reason)
      const { worktree } = request
      return worktree === undefined ? prepared : inWorktree(prepared, worktree as true | string, owner)
    },
    availability: () => (others.length > 0 ? { available: true } : builtIn()),
    selfTest: tested,
    runner: {
      ...runner,
      // A session that was started during the self-test waits for its result.
      run: async (context) => {
        if (isOther(context.run.spec.agent)) return runner.run(context)
        await tested()
        const now = builtIn()
        if (!now.available) throw new MillraceError('agent_unavailable', now.reason)
        return runner.run(context)
      },
    },
  }
}
