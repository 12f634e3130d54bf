/** What every run of an agent needs, whatever its kind: the gate in front of its calls, its host, its end. */
import type { Policy, PolicyOptions } from '@millrace/policy'
import type { AgentHost, Dialogue, LiveAgent } from '#agents/agent'
import type { Gate, GateParts } from '#agents/gate'
import type { PolicySettings } from '#config/config'
import type { EmittedEvent, RunContext } from './runner.ts'

export interface AgentRunOptions {
  /** `policy` of the configuration. */
  policy: PolicySettings | undefined
  /** Absolute paths that no call may touch, such as the data directory. */
  hidden: readonly string[]
  /** The home of the server's user, whose credentials are protected. */
  home: string
  /** Makes the policy that judges the calls; a test may pass a broken one. */
  createPolicy?: (options: PolicyOptions) => Pick<Policy, 'decide'>
}

interface Place {
  projectPath: string
  cwd: string
  /** May people be asked? Undefined: as the configuration says. */
  approvals: 'on' | 'off' | undefined
}

/** Loads the policy, which is large, with the first run that needs it. */
export async function gateOf(
  context: RunContext,
  place: Place,
  options: AgentRunOptions,
  own: Partial<Pick<GateParts, 'allowed' | 'keep' | 'ask'>> = {},
): Promise<Gate> {
  const [{ Gate }, { createPolicy }] = await Promise.all([import('#agents/gate'), import('@millrace/policy')])
  const policy = policyFor(context, place, { createPolicy, ...options })
  return new Gate({
    policy,
    cwd: place.cwd,
    ask: (request) => context.ask(request),
    withdraw: (toolUseId) => context.withdraw(toolUseId),
    log: context.log,
    ...own,
  })
}

/** An agent whose open questions are withdrawn when a message cuts its turn. */
export function askingAgent(agent: Pick<LiveAgent, 'interrupt'>, gate: Gate): Pick<LiveAgent, 'interrupt'> {
  if (agent.interrupt === undefined) return {}
  return {
    interrupt: () => {
      // First: a call that is refused sooner lets the model answer once more.
      agent.interrupt?.()
      gate.withdraw()
    },
  }
}

interface HostOptions {
  hear?: (events: readonly EmittedEvent[]) => void
  facts?: Record<string, unknown> | undefined
}

/** `hear` is given what goes to the log, before it does; `facts` are added to what the engine says when it has started. */
export function hostOf(
  context: RunContext,
  gate: Gate,
  dialogue: Dialogue,
  { hear = () => {}, facts }: HostOptions = {},
): AgentHost {
  return {
    gate,
    sandbox: context.sandbox,
    dialogue,
    get uncommittedBytes() {
      return context.uncommittedBytes
    },
    emit: (events) => {
      hear(events)
      return context.emit(events)
    },
    started: (data) => context.started(facts === undefined ? data : { ...data, ...facts }),
    recordProcess: (process) => context.recordProcess(process),
    appendTranscript: (entries) => context.appendTranscript(entries),
  }
}

/** Waits for the end of the agent, which the abort of the run's signal brings about. */
export async function endOf<Stop>(
  agent: LiveAgent<Stop>,
  signal: AbortSignal,
  graceOf: (reason: unknown) => number,
): Promise<Stop> {
  const cancel = () => agent.cancel(graceOf(signal.reason))
  signal.addEventListener('abort', cancel)
  if (signal.aborted) cancel()
  try {
    return await agent.ended
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

function policyFor(
  context: RunContext,
  { projectPath, approvals: asked }: Place,
  {
    policy: settings,
    hidden,
    home,
    createPolicy,
  }: AgentRunOptions & Required<Pick<AgentRunOptions, 'createPolicy'>>,
): Pick<Policy, 'decide'> {
  const approvals = asked ?? settings?.approvals ?? 'off'
  return createPolicy({
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
