/** Runs of kind `session`: the agent SDK's process in the sandbox, under the policy, every message an event. */

import { createPolicy, type Policy, type PolicyOptions } from '@millrace/policy'
import { messageOf } from '@millrace/protocol'
import type { AgentSettings, PolicySettings } from '#config/config'
import type { RunContext, Runner, RunOutcome } from '#runners/runner'
import type { SessionSpec } from '#runners/session/prepare'
import { type Clock, monotonicClock } from '#time/clock'
import { type ModelGateway, openModelGateway } from './model-gateway.ts'
import { endedData, errored } from './outcome.ts'
import { usualLimits } from './process.ts'
import { redactor } from './redact.ts'
import { loadSdk } from './sdk.ts'
import { Session } from './session.ts'
import { charactersOf, restore } from './transcript.ts'

/** Where the model's API is. */
export interface ModelEndpoint {
  baseUrl: string
  /** Known to the server alone. */
  apiKey: string | undefined
  /** It is a scripted stand-in. */
  demo: boolean
}

export interface ClaudeRunnerOptions {
  /** `agent` of the configuration. */
  agent: AgentSettings | undefined
  /** `policy` of the configuration. */
  policy: PolicySettings | undefined
  model: ModelEndpoint
  /** Absolute paths that no call may touch: the data directory. */
  hidden: readonly string[]
  /** The home of the server's user, whose credentials are to be kept. */
  home: string
  clock?: Clock
  /** What judges the calls; a test may put a broken one in its place. */
  createPolicy?: (options: PolicyOptions) => Pick<Policy, 'decide'>
  /** A call that is not judged by then is blocked. Default: 60. */
  hookTimeoutSeconds?: number
}

export function createClaudeRunner(options: ClaudeRunnerOptions): Runner {
  return {
    kind: 'session',
    run: (context) => runSession(context, options),
    endedData,
  }
}

async function runSession(context: RunContext, options: ClaudeRunnerOptions): Promise<RunOutcome> {
  const { run, project } = context
  if (project === null) {
    return errored(
      run,
      'not_started',
      `There is no project ${run.project ?? ''} in the configuration any more`,
    )
  }
  const spec = run.spec as unknown as SessionSpec
  const cwd = spec.cwd ?? project.path
  const earlier = await context.readTranscript()
  const conversation = restore(earlier, cwd)
  if (run.resumes !== null && conversation === null) {
    const message = 'Nothing was said yet in the session that this one goes on with: start the task anew'
    return errored(run, 'not_resumable', message)
  }
  let gateway: ModelGateway
  try {
    gateway = await openModelGateway(options.model)
  } catch (error) {
    return errored(run, 'not_started', `Could not start: ${messageOf(error)}`)
  }
  try {
    const { query } = await loadSdk()
    const session = new Session({
      context,
      projectPath: project.path,
      prompt: spec.prompt,
      cwd,
      model: spec.model,
      limits: { ...usualLimits, ...options.agent?.limits },
      conversation,
      keptBefore: charactersOf(earlier),
      agent: options.agent,
      policy: policyFor(context, project.path, spec, options),
      hookTimeoutSeconds: options.hookTimeoutSeconds ?? 60,
      gateway,
      demo: options.model.demo,
      clock: options.clock ?? monotonicClock,
      query,
      redact: redactor([gateway.token, options.model.apiKey]),
    })
    return await session.live()
  } finally {
    await gateway.close()
  }
}

function policyFor(
  context: RunContext,
  projectPath: string,
  spec: SessionSpec,
  options: ClaudeRunnerOptions,
): Pick<Policy, 'decide'> {
  const { policy: settings, hidden, home } = options
  const approvals = spec.approvals ?? settings?.approvals ?? 'off'
  const make = options.createPolicy ?? createPolicy
  return make({
    allowedTools: settings?.allowedTools,
    // Who wants to be asked has something to be asked about.
    unreadableBash: settings?.unreadableBash ?? (approvals === 'on' ? 'ask' : 'allow'),
    approvals,
    sandboxed: context.sandbox.report.boundary !== 'none',
    projectPath,
    home,
    hidden,
  })
}
