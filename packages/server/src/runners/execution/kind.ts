/** The kind `execution`: an agent that plans, works through its phases with tools, and reports in typed events. */
import { MillraceError } from '@millrace/protocol'
import { startExecutionBody } from '@millrace/protocol/schemas'
import type { ExecutionLimits } from '#agents/agent'
import type { Config } from '#config/config'
import type { Kind, Resumable } from '#runners/kind'
import type { Engines } from './engines.ts'
import { prepareExecution } from './prepare.ts'
import { createExecutionRunner, type ExecutionRunnerOptions } from './runner.ts'

export interface ExecutionKindOptions extends Omit<ExecutionRunnerOptions, 'engineFor'> {
  config: Pick<Config, 'projects' | 'concurrency'>
  engines: Engines
  bounds: ExecutionLimits
}

/** What the agent is asked when its execution is resumed without a new task: the task stays what it was. */
const continuations = {
  completed: 'Review what has already been done, then continue with what is left of the task.',
  cutShort:
    'You were interrupted. Review what has already been done, also by calls whose outcome you do not know, then continue with the task.',
}

const resumable: Resumable = {
  // The context is part of the conversation already.
  request({ kind, state, spec: { context: _context, continuation: _continuation, ...spec } }, prompt) {
    if (prompt !== undefined) return { ...spec, kind, task: prompt }
    const continuation = state === 'completed' ? continuations.completed : continuations.cutShort
    return { ...spec, kind, continuation }
  },
}

export function executionKind({ config, engines, ...options }: ExecutionKindOptions): Kind {
  const runner = createExecutionRunner({
    ...options,
    engineFor: (model) => engines.find(model)?.engine ?? null,
  })
  return {
    kind: 'execution',
    request: startExecutionBody,
    concurrency: config.concurrency.execution,
    // Like a session, it changes the files of its project: two agents would undo each other's work.
    exclusive: true,
    listens: true,
    resumable,
    prepare: (request) =>
      prepareExecution(request, { projects: config.projects, engines, bounds: options.bounds }),
    availability: () => {
      const reason = engines.noneBecause
      return reason === null ? { available: true } : { available: false, reason }
    },
    selfTest: () => engines.selfTest(),
    runner: {
      ...runner,
      // An execution that was started during the self-test waits for its result.
      run: async (context) => {
        await engines.selfTest()
        const engine = engines.find(context.run.spec.model as string | undefined)
        const whyNot = engine === null ? null : engines.whyNot(engine)
        if (whyNot !== null) throw new MillraceError('agent_unavailable', whyNot)
        return runner.run(context)
      },
    },
  }
}
