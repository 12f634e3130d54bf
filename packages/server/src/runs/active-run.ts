/**
 * One claimed run, from its claim to its terminal event.
 *
 * Owns: the abort signal, the events that are on their way to the disk, the one terminal event.
 * Invariants: the first reason to end wins, be it a request or a failure; the terminal event is written
 * once, after every event emitted before it; nothing is emitted after it (the store refuses it by
 * attempt); whatever a runner does, no rejection is left unhandled and the run ends.
 */
import { Buffer } from 'node:buffer'
import {
  eventTypePattern,
  lifecycleTypes,
  MillraceError,
  messageOf,
  parkingTypes,
  type RunParkedEvent,
  type RunWokenEvent,
  terminalType,
} from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import {
  type EmittedEvent,
  EndRequest,
  type Parked,
  type RunContext,
  type Runner,
  type RunOutcome,
} from '#runners/runner'
import {
  type EventInput,
  type Finish,
  type LogStore,
  publicRun,
  type RunProcess,
  type RunRecord,
  type RunStore,
  type TranscriptStore,
} from '#store/store'
import type { Approvals } from './approvals/approvals.ts'
import { Asking, type AskingParts } from './approvals/asking.ts'
import { bounded, boundedError, toEventJson } from './clip.ts'
import { cutShort, type EndingParts, endRequestFor } from './ending.ts'
import type { Messages } from './messages.ts'
import { reportingSandbox } from './reporting-sandbox.ts'
import { isReserved } from './reserved-types.ts'

export interface ActiveRunParts extends EndingParts {
  store: Pick<RunStore, 'markRunning' | 'recordProcess' | 'finish' | 'park' | 'wake' | 'getRun'> &
    Pick<LogStore, 'append'> &
    AskingParts['store'] &
    TranscriptStore
  approvals: Pick<Approvals, 'waitFor' | 'giveUp' | 'giveUpAll'>
  messages: Pick<Messages, 'of'>
  /** Called when the run begins to write something. */
  wrote: (run: RunRecord) => void
  /** How long an approval waits for its answer. */
  approvalSeconds: number
  runner: Runner
  sandbox: Sandbox
  project: { id: string; path: string } | null
  /** Called when the run is parked. */
  parked?(): void
}

/** Why the run ends before its work does. */
type Ending = { kind: 'asked'; request: EndRequest } | { kind: 'failed'; error: unknown }

export class ActiveRun {
  /** Settles when the terminal event is on disk, or when that has become impossible. Never rejects. */
  readonly done: Promise<void>
  readonly #over: () => void
  readonly #run: RunRecord
  readonly #parts: ActiveRunParts
  readonly #controller = new AbortController()
  readonly #asking: Asking
  readonly #inFlight = new Set<Promise<void>>()
  #uncommitted = 0
  #ending: Ending | null = null
  #finishing: Promise<void> | null = null
  #waking: Promise<void> | null = null

  constructor(run: RunRecord, parts: ActiveRunParts) {
    this.#run = run
    this.#parts = parts
    const { promise, resolve } = Promise.withResolvers<void>()
    this.done = promise
    this.#over = resolve
    this.#asking = new Asking({
      ...parts,
      run,
      signal: this.#controller.signal,
      toInput: (event) => this.#toInput(event),
      track: (begin) => this.#track(begin),
    })
    void this.#live()
  }

  get id(): string {
    return this.#run.id
  }

  /** Asks the run to end. The first request is the one that counts. */
  end(request: EndRequest): void {
    this.#endBecause({ kind: 'asked', request }, request)
  }

  /** Writes the terminal event although the runner has not come back. Resolves as `done` does. */
  async finishNow(): Promise<void> {
    if (this.#finishing === null && this.#ending !== null) void this.#finish(this.#finishFor(this.#ending))
    if (this.#finishing !== null) await this.#finishing
  }

  async #live(): Promise<void> {
    let outcome: RunOutcome | Parked | null = null
    try {
      outcome = await this.#parts.runner.run(this.#context())
    } catch (error) {
      this.#fail(error)
    }
    await Promise.all(this.#inFlight)
    if (outcome?.state === 'parked') {
      if (this.#ending === null && (await this.#park(outcome))) return
      outcome = null
    }
    await this.#finish(this.#ending === null ? this.#finishedBy(outcome) : this.#finishFor(this.#ending))
  }

  /** False: the run is to end instead. */
  async #park({ usage }: Parked): Promise<boolean> {
    const { store, eventBytes } = this.#parts
    const { id, attempt } = this.#run
    const data: RunParkedEvent = { approvalId: this.#asking.open ?? '' }
    const event = this.#toInput({ type: parkingTypes.parked, data })
    try {
      if ((await store.park(id, attempt, { usage: bounded(usage, eventBytes), event })) !== null) {
        this.#parts.parked?.()
        this.#over()
        this.#stop(new EndRequest('crash', 'the run is parked'))
        return true
      }
      const cause = (await store.getRun(id))?.cause ?? 'crash'
      this.#ending ??= { kind: 'asked', request: endRequestFor(cause) }
    } catch (error) {
      this.#fail(error)
    }
    return false
  }

  #endBecause(ending: Ending, reason: EndRequest): void {
    if (this.#ending !== null || this.#finishing !== null) return
    this.#ending = ending
    this.#stop(reason)
  }

  /** Aborts the runner's signal, and ends every wait for an answer. */
  #stop(reason: EndRequest): void {
    this.#controller.abort(reason)
    this.#parts.approvals.giveUpAll(this.#run.id, this.#controller.signal.reason)
  }

  #fail(error: unknown): void {
    this.#endBecause({ kind: 'failed', error }, new EndRequest('crash', messageOf(error)))
  }

  /** Every way to end comes through here; the first one is the only one. */
  #finish(finish: Finish): Promise<void> {
    this.#finishing ??= this.#write(finish)
    return this.#finishing
  }

  async #write(finish: Finish): Promise<void> {
    const { store, log } = this.#parts
    try {
      await store.finish(this.#run.id, this.#run.attempt, finish)
    } catch (error) {
      log.error({ run: this.#run.id, err: error }, 'the end of a run could not be stored')
    } finally {
      this.#over()
      // A runner that has not returned learns here that its run is over.
      this.#stop(new EndRequest('crash', 'the run is over'))
    }
  }

  #finishFor(ending: Ending): Finish {
    if (ending.kind === 'failed') return this.#failedBy(ending.error)
    const { endCause, message } = ending.request
    return cutShort(this.#run, this.#parts.runner, endCause, message, this.#parts)
  }

  #finishedBy(outcome: RunOutcome | null | undefined): Finish {
    try {
      if (outcome == null) throw new TypeError('the runner returned no outcome')
      const { state, result, error, usage } = outcome
      const event = this.#toInput({ type: terminalType(this.#run.kind, state), data: outcome.data })
      const { eventBytes } = this.#parts
      // What JSON cannot hold is refused here: the store could not hold it either, and then the run
      // would stay open for ever.
      return {
        state,
        event,
        result: bounded(result, eventBytes),
        error: boundedError(error, eventBytes),
        usage: bounded(usage, eventBytes),
      }
    } catch (error) {
      return this.#failedBy(error)
    }
  }

  #failedBy(failure: unknown): Finish {
    this.#parts.log.error({ run: this.#run.id, err: failure }, 'a runner failed')
    return cutShort(this.#run, this.#parts.runner, null, messageOf(failure), this.#parts)
  }

  #toInput(event: EmittedEvent): EventInput {
    return { at: this.#parts.now(), type: event.type, json: toEventJson(event.data, this.#parts.eventBytes) }
  }

  #context(): RunContext {
    const run = this.#run
    const parts = this.#parts
    const active = this
    return {
      run: publicRun(run),
      project: parts.project,
      signal: this.#controller.signal,
      sandbox: reportingSandbox(parts.sandbox, (event) => void this.#track(() => this.#emit([event]))),
      get uncommittedBytes() {
        return active.#uncommitted
      },
      emit: (events) => this.#track(() => this.#emit(events)),
      started: (data) => this.#track(() => this.#started(data)),
      recordProcess: (process: RunProcess) =>
        this.#track(() => parts.store.recordProcess(run.id, run.attempt, process)),
      ask: (request) => this.#asking.ask(request),
      withdraw: (toolUseId) => this.#asking.withdraw(toolUseId),
      woken: run.parked === null ? null : { usage: run.usage, begins: () => this.#begins() },
      appendTranscript: (entries) =>
        this.#track(() => parts.store.appendTranscript(run.id, run.attempt, entries)),
      readTranscript: () => parts.store.readTranscript(run.id),
      messages: parts.messages.of(run, (begin) => this.#track(begin)),
      log: parts.log.child({ run: run.id, project: run.project }),
    }
  }

  async #started(data: Record<string, unknown> | undefined): Promise<void> {
    const run = this.#run
    const parts = this.#parts
    // It has been running since its first attempt.
    if (run.parked !== null) return
    const event = { type: lifecycleTypes.started, data: { attempt: run.attempt, ...data } }
    await parts.store.markRunning(run.id, run.attempt, this.#toInput(event))
  }

  #begins(): Promise<void> {
    const { id, attempt } = this.#run
    const data: RunWokenEvent = { attempt }
    this.#waking ??= this.#track(async () => {
      await this.#parts.store.wake(id, attempt, this.#toInput({ type: parkingTypes.woken, data }))
    })
    return this.#waking
  }

  async #emit(events: EmittedEvent[]): Promise<void> {
    if (events.length === 0) return
    const inputs = events.map((event) => {
      this.#checkType(event.type)
      return this.#toInput(event)
    })
    const bytes = inputs.reduce((sum, input) => sum + Buffer.byteLength(input.json), 0)
    this.#uncommitted += bytes
    try {
      await this.#parts.store.append(this.#run.id, this.#run.attempt, inputs)
    } finally {
      this.#uncommitted -= bytes
    }
  }

  /**
   * Begins a write at once, so that writes reach the store in the order of the calls. One that fails
   * ends the run, whose next events could not be stored either. A runner may ignore the promise.
   */
  #track(begin: () => Promise<void>): Promise<void> {
    this.#parts.wrote(this.#run)
    const write = begin()
    const settled: Promise<void> = write
      .catch((error: unknown) => this.#writeFailed(error))
      .then(() => {
        this.#inFlight.delete(settled)
      })
    this.#inFlight.add(settled)
    return write
  }

  #writeFailed(error: unknown): void {
    if (error instanceof MillraceError) this.end(new EndRequest('crash', error.message))
    // Not the store's fault: the runner emitted something that is not an event.
    else this.#fail(error)
  }

  #checkType(type: string): void {
    if (!eventTypePattern.test(type))
      throw new TypeError(`an event type must match ${eventTypePattern}: ${type}`)
    // Where the server runs the agent, it alone reports messages of people.
    if (isReserved(this.#run.kind, type) || type.startsWith('message:'))
      throw new TypeError(`a runner may not emit the event type ${type}`)
  }
}
