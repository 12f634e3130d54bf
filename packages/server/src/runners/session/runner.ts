/** Drives an agent through one session: the gate in front of its calls, its task, its end. */
import { createPolicy, type Policy, type PolicyOptions } from '@millrace/policy'
import type { AgentEngine } from '#agents/agent'
import { Gate } from '#agents/gate'
import type { PolicySettings } from '#config/config'
import { graceOf } from '#runners/grace'
import type { RunContext, Runner, RunOutcome } from '#runners/runner'
import { endedData, errored, outcomeOf } from './outcome.ts'
import type { SessionSpec } from './prepare.ts'

export interface SessionRunnerOptions {
  engine: Pick<AgentEngine, 'start'>
  /** `policy` of the configuration. */
  policy: PolicySettings | undefined
  /** Absolute paths that no call may touch, such as the data directory. */
  hidden: readonly string[]
  /** The home of the server's user, whose credentials are protected. */
  home: string
  /** Makes the policy that judges the calls; a test may pass a broken one. */
  createPolicy?: (options: PolicyOptions) => Pick<Policy, 'decide'>
}

export function createSessionRunner(options: SessionRunnerOptions): Runner {
  return {
    kind: 'session',
    run: (context) => runSession(context, options),
    endedData,
  }
}

async function runSession(context: RunContext, options: SessionRunnerOptions): Promise<RunOutcome> {
  const { run, project, signal } = context
  if (project === null) {
    const message = `The project ${run.project ?? ''} is no longer in the configuration`
    return errored(run, 'not_started', message)
  }
  const spec = run.spec as unknown as SessionSpec
  const cwd = spec.cwd ?? project.path
  const transcript = await context.readTranscript()
  if (signal.aborted) return errored(run, 'aborted', 'It was ended before it started')
  const policy = policyFor(context, project.path, spec, options)
  const gate = new Gate({ policy, cwd, ask: (request) => context.ask(request), log: context.log })
  const agent = await options.engine.start(
    {
      runId: run.id,
      prompt: spec.prompt,
      projectPath: project.path,
      cwd,
      model: spec.model,
      transcript,
      resumes: run.resumes !== null,
    },
    hostOf(context, gate),
  )
  const cancel = () => agent.cancel(graceOf(signal.reason))
  signal.addEventListener('abort', cancel)
  if (signal.aborted) cancel()
  try {
    return outcomeOf(run, await agent.ended)
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

function hostOf(context: RunContext, gate: Gate) {
  return {
    gate,
    sandbox: context.sandbox,
    get uncommittedBytes() {
      return context.uncommittedBytes
    },
    emit: (events) => context.emit(events),
    started: (data) => context.started(data),
    recordProcess: (process) => context.recordProcess(process),
    appendTranscript: (entries) => context.appendTranscript(entries),
  } satisfies Parameters<AgentEngine['start']>[1]
}

function policyFor(
  context: RunContext,
  projectPath: string,
  spec: SessionSpec,
  { policy: settings, hidden, home, createPolicy: make = createPolicy }: SessionRunnerOptions,
): Pick<Policy, 'decide'> {
  const approvals = spec.approvals ?? settings?.approvals ?? 'off'
  return make({
    allowedTools: settings?.allowedTools,
    // If people can be asked, they decide about calls that the policy cannot read.
    unreadableBash: settings?.unreadableBash ?? (approvals === 'on' ? 'ask' : 'allow'),
    approvals,
    sandboxed: context.sandbox.report.boundary !== 'none',
    projectPath,
    home,
    hidden,
  })
}
