/**
 * One claimed run, from its claim to its terminal event.
 *
 * Owns: the abort signal, the events that are on their way to the disk, the one terminal event.
 * Invariants: the first request to end wins; the terminal event is written once, after every event
 * emitted before it; nothing is emitted after it (the store refuses it by attempt).
 */
import { eventTypePattern, type FinalState, lifecycleTypes, type Run, terminalType } from '@millrace/protocol'
import type { Logger } from 'pino'
import {
  type EmittedEvent,
  EndRequest,
  type RunContext,
  type Runner,
  type RunOutcome,
} from '../runners/runner.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { EventInput, Finish, RunProcess, RunRecord, Store } from '../store/store.ts'
import { toEventJson } from './clip.ts'

export interface ActiveRunParts {
  store: Pick<Store, 'append' | 'markRunning' | 'recordProcess' | 'finish'>
  runner: Runner
  sandbox: Sandbox
  project: { id: string; path: string } | null
  eventBytes: number
  now: () => number
  log: Logger
}

export class ActiveRun {
  /** Settles when the terminal event is on disk, or when that has become impossible. Never rejects. */
  readonly done: Promise<void>
  private readonly run: RunRecord
  private readonly parts: ActiveRunParts
  private readonly controller = new AbortController()
  private readonly inFlight = new Set<Promise<unknown>>()
  private uncommitted = 0
  private endRequest: EndRequest | null = null
  private finishing: Promise<void> | null = null

  constructor(run: RunRecord, parts: ActiveRunParts) {
    this.run = run
    this.parts = parts
    this.done = this.live()
  }

  get id(): string {
    return this.run.id
  }

  /** Asks the run to end. The first request is the one that counts. */
  end(request: EndRequest): void {
    if (this.endRequest !== null || this.finishing !== null) return
    this.endRequest = request
    this.controller.abort(request)
  }

  /** Writes the terminal event although the runner has not come back. */
  async finishNow(): Promise<void> {
    if (this.endRequest !== null) await this.finish(this.endedFrom(this.endRequest))
  }

  private async live(): Promise<void> {
    let outcome: RunOutcome | null = null
    let failure: unknown = null
    try {
      outcome = await this.parts.runner.run(this.context())
    } catch (error) {
      failure = error
    }
    await Promise.allSettled(this.inFlight)
    if (this.endRequest !== null) await this.finish(this.endedFrom(this.endRequest))
    else if (outcome !== null) await this.finish(this.finishedBy(outcome))
    else await this.finish(this.failedBy(failure))
  }

  /** Every way to end comes through here; the first one is the only one. */
  private finish(finish: Finish): Promise<void> {
    this.finishing ??= this.write(finish)
    return this.finishing
  }

  private async write(finish: Finish): Promise<void> {
    const { store, log } = this.parts
    try {
      await store.finish(this.run.id, this.run.attempt, finish)
      log.info({ run: this.run.id, kind: this.run.kind, state: finish.state }, 'run ended')
    } catch (error) {
      log.error({ run: this.run.id, err: error }, 'the end of a run could not be stored')
    } finally {
      // A runner that has not come back learns here that nobody waits for it.
      this.controller.abort(new EndRequest('crash', 'the run is over'))
    }
  }

  private finishedBy(outcome: RunOutcome): Finish {
    const { state, result, error, usage } = outcome
    return { state, event: this.terminalEvent(state, outcome.data), result, error, usage }
  }

  private endedFrom(request: EndRequest): Finish {
    const state = request.endCause === 'abort' ? 'aborted' : 'interrupted'
    return this.cutShort(state, request.message)
  }

  private failedBy(failure: unknown): Finish {
    this.parts.log.error({ run: this.run.id, err: failure }, 'a runner failed')
    return this.cutShort('errored', failure instanceof Error ? failure.message : String(failure))
  }

  private cutShort(state: Exclude<FinalState, 'completed'>, message: string): Finish {
    const data = this.parts.runner.endedData(this.run, state, message)
    return { state, event: this.terminalEvent(state, data), result: null, error: { message }, usage: null }
  }

  private terminalEvent(state: FinalState, data: unknown): EventInput {
    return this.toInput({ type: terminalType(this.run.kind, state), data })
  }

  private toInput(event: EmittedEvent): EventInput {
    return { at: this.parts.now(), type: event.type, json: toEventJson(event.data, this.parts.eventBytes) }
  }

  private context(): RunContext {
    const { run, parts } = this
    const active = this
    return {
      run: publicRun(run),
      project: parts.project,
      signal: this.controller.signal,
      sandbox: parts.sandbox,
      get uncommittedBytes() {
        return active.uncommitted
      },
      emit: (events) => this.emit(events),
      started: async (data) => {
        const event = { type: lifecycleTypes.started, data: { attempt: run.attempt, ...data } }
        await this.track(parts.store.markRunning(run.id, run.attempt, this.toInput(event)))
        parts.log.info({ run: run.id, kind: run.kind, attempt: run.attempt }, 'run started')
      },
      recordProcess: (process: RunProcess) =>
        this.track(parts.store.recordProcess(run.id, run.attempt, process)),
    }
  }

  private async emit(events: EmittedEvent[]): Promise<void> {
    if (events.length === 0) return
    const inputs = events.map((event) => {
      this.checkType(event.type)
      return this.toInput(event)
    })
    const bytes = inputs.reduce((sum, input) => sum + input.json.length, 0)
    this.uncommitted += bytes
    try {
      await this.track(this.parts.store.append(this.run.id, this.run.attempt, inputs))
    } finally {
      this.uncommitted -= bytes
    }
  }

  /** A write that fails ends the run: what it does next could not be told to anybody. */
  private async track<T>(write: Promise<T>): Promise<T> {
    const settled = write.catch((error: unknown) => {
      this.end(new EndRequest('crash', error instanceof Error ? error.message : String(error)))
    })
    this.inFlight.add(settled)
    try {
      return await write
    } finally {
      this.inFlight.delete(settled)
    }
  }

  private checkType(type: string): void {
    if (!eventTypePattern.test(type))
      throw new TypeError(`an event type must match ${eventTypePattern}: ${type}`)
    if (isReserved(this.run.kind, type)) throw new TypeError(`a runner may not emit the event type ${type}`)
  }
}

function isReserved(kind: Run['kind'], type: string): boolean {
  if (type.startsWith('run:') || type === 'reset') return true
  const states: FinalState[] = ['completed', 'errored', 'aborted', 'interrupted']
  return states.some((state) => terminalType(kind, state) === type)
}

/** The run without what only the server's inside may know. */
export function publicRun(record: RunRecord): Run {
  const { cause: _cause, process: _process, node: _node, ...run } = record
  return run
}
