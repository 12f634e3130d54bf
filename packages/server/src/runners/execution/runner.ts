/** Drives an agent through one execution: its task, its limits, the story that its moves become, its end. */
import type { AgentEnd, ExecutionEngine, ExecutionHost, ExecutionLimits, LiveAgent } from '#agents/agent'
import { type AgentRunOptions, askingAgent, endOf, gateOf, hostOf } from '#runners/agent-run'
import { RunDialogue } from '#runners/dialogue'
import { graceOf } from '#runners/grace'
import type { EmittedEvent, RunContext, Runner, RunOutcome } from '#runners/runner'
import { type Clock, monotonicClock, wallClock } from '#time/clock'
import { closing } from './closing.ts'
import { limitsOf } from './limits.ts'
import { endedData, outcomeOf } from './outcome.ts'
import type { ExecutionSpec } from './prepare.ts'
import { Story } from './story.ts'
import { WorkTime } from './work-time.ts'

export interface ExecutionRunnerOptions extends AgentRunOptions {
  /** The engine that runs a model; null for a model that none runs. */
  engineFor(model: string | undefined): Pick<ExecutionEngine, 'start'> | null
  /** What an execution may use at most. */
  bounds: ExecutionLimits
  /** Measures durations, whatever is done to the clock of the machine. */
  clock?: Clock
  /** Milliseconds since the epoch. */
  now?: () => number
}

/** What an agent that we cancelled gives as its reason. */
const cancelled = 'cancelled'
/** A cancelled execution is to be over two seconds later: this leaves time for what must be killed. */
const graceMsMax = 1500
/** After this much more, the story no longer waits for calls that do not end. */
const closingMs = 1000

export function createExecutionRunner(options: ExecutionRunnerOptions): Runner<RunOutcome> {
  return {
    kind: 'execution',
    run: (context) => runExecution(context, options),
    endedData,
    closing,
  }
}

async function runExecution(context: RunContext, options: ExecutionRunnerOptions): Promise<RunOutcome> {
  const { run, signal } = context
  const { task } = run.spec as unknown as ExecutionSpec
  const { clock = monotonicClock, now = wallClock.now } = options
  const story = new Story({ task, now, elapsed: clock.now })
  const tell = (events: EmittedEvent[]) => (events.length === 0 ? Promise.resolve() : context.emit(events))
  const close = (completed: boolean) => void tell(story.end({ completed })).catch(() => {})
  // A run that is to end does not wait for calls that do not: what they say later is dropped.
  let callOff = () => {}
  const hurry = () => {
    callOff = clock.after(grace(signal.reason) + closingMs, () => close(false))
  }
  signal.addEventListener('abort', hurry)
  if (signal.aborted) hurry()
  try {
    const end = await work(context, { ...options, clock, now, story, tell })
    // The data of the end counts what the story has emitted.
    close(end.state === 'completed' && !signal.aborted)
    return outcomeOf(end, story)
  } finally {
    signal.removeEventListener('abort', hurry)
    callOff()
    close(false)
  }
}

interface Work extends ExecutionRunnerOptions {
  clock: Clock
  now: () => number
  story: Story
  tell(events: EmittedEvent[]): Promise<void>
}

async function work(context: RunContext, options: Work): Promise<AgentEnd> {
  const { run, project, signal } = context
  const spec = run.spec as unknown as ExecutionSpec
  if (project === null) {
    return failure('internal', `The project ${run.project ?? ''} is no longer in the configuration`)
  }
  const engine = options.engineFor(spec.model)
  if (engine === null)
    return failure('internal', `No engine of this server runs the model ${spec.model ?? ''}`)
  const transcript = await context.readTranscript()
  if (signal.aborted) return failure('cancelled', 'It was ended before it started')
  const { path } = project
  const limits = limitsOf(spec.limits, options.bounds)
  const overtime = Promise.withResolvers<void>()
  const time = new WorkTime(limits.seconds, overtime.resolve, options.clock)
  const ask: RunContext['ask'] = (request) => time.during(context.ask(request))
  const gate = await gateOf(context, { projectPath: path, cwd: path, approvals: spec.approvals }, options, {
    ask,
  })
  const { clock, now } = options
  const dialogue = new RunDialogue({ context, transcript, idleMs: null, clock, now })
  const start = async () => {
    const agent = await engine.start(
      {
        runId: run.id,
        prompt: promptOf(spec),
        projectPath: path,
        cwd: path,
        model: spec.model,
        transcript,
        resumes: run.resumes !== null,
        limits,
        cacheOwner: run.owner,
      },
      tellingHost(hostOf(context, gate, dialogue), options),
    )
    dialogue.attach(askingAgent(agent, gate))
    return agent
  }
  try {
    return await inTime(start(), { seconds: limits.seconds, over: overtime.promise }, signal)
  } finally {
    time.stop()
    dialogue.close()
  }
}

/** Ends the agent when its time is over. One that was ending already keeps its own reason. */
async function inTime(
  starting: Promise<LiveAgent>,
  { seconds, over }: { seconds: number; over: Promise<void> },
  signal: AbortSignal,
): Promise<AgentEnd> {
  let isLate = false
  let agent: LiveAgent | null = null
  void over.then(() => {
    isLate = true
    agent?.cancel(graceMsMax)
  })
  agent = await starting
  if (isLate) agent.cancel(graceMsMax)
  const end = await endOf(agent, signal, grace)
  if (!isLate || end.state === 'completed' || end.reason !== cancelled) return end
  return { ...end, ...failure('time_limit', `It reached its limit of ${seconds} seconds`), usage: end.usage }
}

/** A host that turns moves into events. The run has started before it tells anything. */
function tellingHost(host: ReturnType<typeof hostOf>, { story, tell }: Work): ExecutionHost {
  let isStarted = false
  const started = (data?: Record<string, unknown>): Promise<void> => {
    if (isStarted) return Promise.resolve()
    isStarted = true
    return both(host.started(data), tell(story.begin()))
  }
  return {
    gate: host.gate,
    dialogue: host.dialogue,
    sandbox: host.sandbox,
    get uncommittedBytes() {
      return host.uncommittedBytes
    },
    emit: (events) => host.emit(events),
    recordProcess: (process) => host.recordProcess(process),
    appendTranscript: (entries) => host.appendTranscript(entries),
    started,
    report: (moves) => both(started(), tell(story.take(moves))),
  }
}

/** An engine need not look at the promise: a write that fails ends the run anyway. */
function both(one: Promise<void>, other: Promise<void>): Promise<void> {
  const all = Promise.all([one, other]).then(() => {})
  all.catch(() => {})
  return all
}

function grace(reason: unknown): number {
  return Math.min(graceOf(reason), graceMsMax)
}

function failure(reason: 'cancelled' | 'internal' | 'time_limit', error: string) {
  return { state: 'errored', reason, error, result: null, usage: null } as const
}

function promptOf({ task, context, continuation }: ExecutionSpec): string {
  if (continuation !== undefined) return continuation
  if (context === undefined) return task
  const text = typeof context === 'string' ? context : JSON.stringify(context, null, 2)
  return `${task}\n\nContext:\n${text}`
}
