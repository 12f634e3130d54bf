import type { Run, RunKind } from '@millrace/protocol'
import { z } from 'zod'
import { alwaysAvailable, type Kind } from '#runners/kind'
import type { Parked, RunContext, Runner, RunOutcome } from '#runners/runner'

export type Script = (context: RunContext) => Promise<RunOutcome | Parked>

export function outcome(change: Partial<RunOutcome> = {}): RunOutcome {
  return {
    state: 'completed',
    data: { success: true },
    result: { code: 0 },
    error: null,
    usage: null,
    ...change,
  }
}

/** Resolves when the run is to end. */
export function untilAsked(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Does its work until it is asked to end. */
export const workUntilAsked: Script = async (context) => {
  await context.started()
  await untilAsked(context.signal)
  return outcome()
}

export const finishAtOnce: Script = async (context) => {
  await context.started()
  return outcome()
}

/** A runner whose runs follow scripts; it keeps the context of every run. */
export class ScriptedRunner implements Runner {
  readonly kind: RunKind
  /** The default for runs that have no script of their own. */
  script: Script
  readonly contexts = new Map<string, RunContext>()
  /** Ids of the runs in the order of their starts. */
  readonly begun: string[] = []
  ended: Runner['endedData'] = (run: Run, state, message) => ({ message, state, jobId: run.id })
  active = 0
  mostActive = 0

  constructor(script: Script, kind: RunKind = 'job') {
    this.script = script
    this.kind = kind
  }

  async run(context: RunContext): Promise<RunOutcome | Parked> {
    this.contexts.set(context.run.id, context)
    this.begun.push(context.run.id)
    this.active += 1
    this.mostActive = Math.max(this.mostActive, this.active)
    try {
      return await this.script(context)
    } finally {
      this.active -= 1
    }
  }

  endedData(...ending: Parameters<Runner['endedData']>): Record<string, unknown> {
    return this.ended(...ending)
  }

  context(id: string): RunContext {
    const context = this.contexts.get(id)
    if (context === undefined) throw new Error(`run ${id} was not begun`)
    return context
  }
}

/** A kind that takes any request and follows the runner's script; sessions are exclusive and resumable. */
export function scriptedKind(runner: Runner, concurrency: number): Kind {
  const isSession = runner.kind === 'session'
  return {
    ...alwaysAvailable,
    kind: runner.kind,
    request: z.looseObject({ kind: z.literal(runner.kind) }),
    runner,
    concurrency,
    exclusive: isSession,
    ...(isSession ? { listens: true } : {}),
    resumable: isSession ? { request: (run, prompt = 'continue') => ({ ...run.spec, prompt }) } : null,
    prepare: ({ kind: _kind, project, ...spec }) => ({
      project: typeof project === 'string' ? project : null,
      spec: { ...spec, ...(typeof project === 'string' ? { project } : {}) },
    }),
  }
}
