/** Drives an agent through one session: the gate in front of its calls, its task, its end. */
import type { AgentEnd, AgentEngine } from '#agents/agent'
import { type AgentRunOptions, endOf, gateOf, hostOf } from '#runners/agent-run'
import { RunDialogue } from '#runners/dialogue'
import { graceOf } from '#runners/grace'
import type { RunContext, Runner, RunOutcome } from '#runners/runner'
import { type Clock, wallClock } from '#time/clock'
import { UnseenChanges } from './changes/unseen.ts'
import { endedData, errored, outcomeOf } from './outcome.ts'
import type { SessionSpec } from './prepare.ts'

export interface SessionRunnerOptions extends AgentRunOptions {
  /** Of the built-in agent. */
  engine: Pick<AgentEngine, 'start'>
  /** `now()` is milliseconds since the epoch. */
  clock?: Clock
  /** Of the others, by their names. Default: none. */
  others?: ReadonlyMap<string, Pick<AgentEngine, 'start'>>
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
  const engine = spec.agent === undefined ? options.engine : options.others?.get(spec.agent)
  if (engine === undefined)
    return errored(run, 'not_started', `The agent ${spec.agent} is no longer in the configuration`)
  const cwd = spec.cwd ?? project.path
  const transcript = await context.readTranscript()
  if (signal.aborted) return errored(run, 'aborted', 'It was ended before it started')
  const place = { projectPath: project.path, cwd }
  const gate = await gateOf(context, { ...place, approvals: spec.approvals }, options)
  const unseen = await UnseenChanges.open(place, context.log)
  const dialogue = new RunDialogue({
    context,
    transcript,
    idleMs: idleMsOf(spec),
    clock: options.clock ?? wallClock,
  })
  let end: AgentEnd
  try {
    const agent = await engine.start(
      {
        runId: run.id,
        prompt: spec.prompt,
        ...place,
        model: spec.model,
        transcript,
        resumes: run.resumes !== null,
      },
      hostOf(context, gate, dialogue, (events) => unseen?.take(events)),
    )
    dialogue.attach(agent)
    end = await endOf(agent, signal, graceOf)
  } finally {
    dialogue.close()
  }
  await unseen?.report((event) => context.emit([event]), context.log)
  return outcomeOf(run, end)
}

const idleSecondsDefault = 900

/** Null: the session ends with its turn if no message waits. */
function idleMsOf({ interactive, idleSeconds = idleSecondsDefault }: SessionSpec): number | null {
  return interactive === true ? idleSeconds * 1000 : null
}
