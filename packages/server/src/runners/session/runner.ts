/** Drives an agent through one session: the gate in front of its calls, its task, its end. */
import { messageOf } from '@millrace/protocol'
import type { AgentEngine, AgentStop, Dialogue } from '#agents/agent'
import { type AgentRunOptions, askingAgent, endOf, gateOf, hostOf } from '#runners/agent-run'
import { RunDialogue } from '#runners/dialogue'
import { graceOf } from '#runners/grace'
import type { Parked, RunContext, Runner, RunOutcome } from '#runners/runner'
import { type Clock, monotonicClock, wallClock } from '#time/clock'
import type { Worktrees } from '#worktrees/worktrees'
import { allowedKinds } from './allowed-kinds.ts'
import { UnseenChanges } from './changes/unseen.ts'
import { endedData, errored, outcomeOf } from './outcome.ts'
import { placeOf, type SessionPlace } from './place.ts'
import type { SessionSpec } from './prepare.ts'

export interface SessionRunnerOptions extends AgentRunOptions {
  /** Of the built-in agent. */
  engine: Pick<AgentEngine, 'start'>
  /** Measures durations, whatever is done to the clock of the machine. */
  clock?: Clock
  /** Milliseconds since the epoch. */
  now?: () => number
  /** Of the others, by their names. Default: none. */
  others?: ReadonlyMap<string, Pick<AgentEngine, 'start'>>
  worktrees?: Pick<Worktrees, 'hold'> | undefined
}

export function createSessionRunner(options: SessionRunnerOptions): Runner {
  return {
    kind: 'session',
    run: (context) => runSession(context, options),
    endedData,
  }
}

async function runSession(context: RunContext, options: SessionRunnerOptions): Promise<RunOutcome | Parked> {
  const { run, project } = context
  if (project === null) {
    const message = `The project ${run.project ?? ''} is no longer in the configuration`
    return errored(run, 'not_started', message)
  }
  let place: SessionPlace
  try {
    place = await placeOf(context, project, options.worktrees)
  } catch (error) {
    return errored(run, 'not_started', messageOf(error))
  }
  try {
    return await runIn(place, context, options)
  } finally {
    await place.checkpoint?.()
    place.release()
  }
}

async function runIn(
  place: SessionPlace,
  context: RunContext,
  options: SessionRunnerOptions,
): Promise<RunOutcome | Parked> {
  const { run, signal } = context
  const { projectPath, cwd } = place
  const spec = run.spec as unknown as SessionSpec
  const engine = spec.agent === undefined ? options.engine : options.others?.get(spec.agent)
  if (engine === undefined)
    return errored(run, 'not_started', `The agent ${spec.agent} is no longer in the configuration`)
  const transcript = await context.readTranscript()
  if (signal.aborted) return errored(run, 'aborted', 'It was ended before it started')
  const parkAfterMs = parkAfterMsOf(spec, options)
  const gate = await gateOf(
    context,
    { projectPath, cwd, approvals: spec.approvals },
    options,
    parkAfterMs === undefined ? {} : allowedKinds(context, transcript),
  )
  const unseen = await UnseenChanges.open({ projectPath, cwd }, context.log)
  const dialogue = new RunDialogue({
    context,
    transcript,
    idleMs: idleMsOf(spec),
    clock: options.clock ?? monotonicClock,
    now: options.now ?? wallClock.now,
  })
  let end: AgentStop
  try {
    const agent = await engine.start(
      {
        runId: run.id,
        prompt: run.forkOf === null ? spec.prompt : `${forkNote(cwd)}\n\n${spec.prompt}`,
        projectPath,
        cwd,
        model: spec.model,
        transcript,
        resumes: run.resumes !== null || run.forkOf !== null,
        woken: context.woken,
        questions: spec.questions === 'on',
        ...(parkAfterMs === undefined ? {} : { parkAfterMs }),
      },
      hostOf(context, gate, keepingFiles(dialogue, place), {
        hear: (events) => unseen?.take(events),
        facts: place.started,
      }),
    )
    dialogue.attach(askingAgent(agent, gate))
    end = await endOf(agent, signal, graceOf)
  } finally {
    dialogue.close()
  }
  await unseen?.report((event) => context.emit([event]), context.log)
  return end.state === 'parked' ? end : outcomeOf(run, end)
}

/** The files are kept when a turn is over, before the next one changes them. */
function keepingFiles(dialogue: Dialogue, { checkpoint }: SessionPlace): Dialogue {
  if (checkpoint === null) return dialogue
  return {
    nextTurn: async () => {
      await checkpoint()
      return dialogue.nextTurn()
    },
    joining: () => dialogue.joining(),
    delivered: (messageId) => dialogue.delivered(messageId),
  }
}

/** What a conversation that was continued elsewhere knows of files may be wrong by now. */
function forkNote(cwd: string): string {
  return `(This conversation begins as a copy of an earlier one. You work in ${cwd} from here on, whatever directory was named before, and files may differ from what you saw: look again before you rely on them.)`
}

const idleSecondsDefault = 900

/** Null: the session ends with its turn if no message waits. */
function idleMsOf({ interactive, idleSeconds = idleSecondsDefault }: SessionSpec): number | null {
  return interactive === true ? idleSeconds * 1000 : null
}

/** Undefined: its process waits for people. Only the built-in agent can resume with a call that it has asked about. */
function parkAfterMsOf({ agent }: SessionSpec, { policy }: SessionRunnerOptions): number | undefined {
  const seconds = policy?.parkAfterSeconds
  return agent === undefined && seconds !== undefined ? seconds * 1000 : undefined
}
