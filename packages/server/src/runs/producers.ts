/**
 * Runs that a program outside the server works on: its batches of events, its end, and its silence.
 *
 * Owns: the timer that looks for runs whose lease has ended, since when producers could be heard, and a bounded
 * memory of what never changes of such a run (its owner, its kind, its spec), so that a batch costs no read. The store
 * counts batches, keeps leases and refuses a run that is over or gone.
 * Invariants: a batch and the end for silence take effect in the order of the store, and the second finds what the
 * first did; no run ends for a silence in which this server could not have heard its producer.
 */
import { eventTypePattern, isFinal, MillraceError, type RunKind, terminalType } from '@millrace/protocol'
import type { Kind } from '#runners/kind'
import type { CommitFeed, Produced, ProducerStore, RunRecord, RunStore, StoreHealth } from '#store/store'
import type { Clock } from '#time/clock'
import { bounded, boundedError, toEventJson } from './clip.ts'
import { cutShort, type EndingParts, endRequestFor } from './ending.ts'
import { isReserved } from './reserved-types.ts'

export interface ProducersParts extends EndingParts {
  store: ProducerStore & Pick<RunStore, 'finish' | 'getRun'> & Pick<StoreHealth, 'status'> & CommitFeed
  kinds: ReadonlyMap<string, Kind>
  /** What the runs of one owner may take in the store. Absent: any number of bytes. */
  ownerBytesMax?: number | undefined
  after: Clock['after']
}

/** A batch as a producer sends it. */
export interface BatchRequest {
  events: readonly { type: string; data?: unknown }[]
  producer?: string | undefined
  epoch?: number | undefined
  seq?: number | undefined
}

export interface ProduceOptions {
  /**
   * May the batch, or the end, wait until the store can be written again? Default: true. A program elsewhere gives up
   * waiting and repeats it, and each copy would be kept until then.
   */
  mayWait?: boolean
}

export interface FinishRequest {
  state: 'completed' | 'errored'
  result?: unknown
  error?: string | { message: string; code?: string | undefined } | undefined
  /** Milliseconds; since the run's start by default. */
  duration?: number | undefined
  tokensUsed?: number | undefined
  /** Where in the producer it failed: for the log of this server, and for nobody else. */
  stack?: string | undefined
}

/** What never changes of a run. */
export type RunFacts = Pick<RunRecord, 'id' | 'kind' | 'owner' | 'spec'>

const lookEveryMs = 1000
/** Looks further apart than this: the machine slept, the process was stopped, or the clock was set. */
const lookGapMs = 10_000
const rememberedRuns = 10_000

export class Producers {
  readonly #parts: ProducersParts
  readonly #remembered = new Map<string, RunFacts>()
  #cancelLook: (() => void) | null = null
  #stopListening: (() => void) | null = null
  /** Null before the first look. */
  #lookedAt: number | null = null
  /** Every producer has had the time since then, without a break, to be heard. */
  #listeningSince = 0

  constructor(parts: ProducersParts) {
    this.#parts = parts
  }

  /** Begins to look for runs that have gone silent, where there is a kind whose runs may. */
  start(): void {
    if (![...this.#parts.kinds.values()].some(({ detached }) => detached !== undefined)) return
    // The id of a run that is gone may be given to another user's run.
    this.#stopListening ??= this.#parts.store.onCommit(({ change, runId }) => {
      if (change === 'deleted' || change === 'created') this.#remembered.delete(runId)
    })
    this.#cancelLook = this.#parts.after(lookEveryMs, () => this.#look())
  }

  stop(): void {
    this.#stopListening?.()
    this.#stopListening = null
    this.#cancelLook?.()
    this.#cancelLook = null
  }

  /** Fails with `invalid_request` where this server does the work itself. */
  check(run: RunRecord): void {
    this.#detached(run)
  }

  /** What never changes of a run; null: there was none. Whether there still is one, the store says to a batch. */
  async facts(id: string): Promise<RunFacts | null> {
    const remembered = this.#remembered.get(id)
    if (remembered !== undefined) return remembered
    const run = await this.#parts.store.getRun(id)
    if (run === null || !this.#parts.kinds.get(run.kind)?.detached) return run
    const [oldest] = this.#remembered.keys()
    if (oldest !== undefined && this.#remembered.size >= rememberedRuns) this.#remembered.delete(oldest)
    const { kind, owner, spec } = run
    const facts = { id, kind, owner, spec }
    this.#remembered.set(id, facts)
    return facts
  }

  /** Appends a batch exactly once. A batch without events is a sign of life. */
  async produce(
    run: RunFacts,
    { events, producer, epoch = 0, seq }: BatchRequest,
    { mayWait = true }: ProduceOptions = {},
  ): Promise<Produced> {
    const { leaseMs } = this.#detached(run)
    this.#checkWritable(mayWait)
    const at = this.#parts.now()
    if ((producer === undefined) !== (seq === undefined)) {
      const path = producer === undefined ? 'producer' : 'seq'
      const expected = 'producer and seq, both or neither'
      throw new MillraceError('invalid_request', 'Send producer and seq together, or neither', {
        fields: [{ path, expected }],
      })
    }
    return this.#parts.store.produce(run.id, {
      events: events.map(({ type, data = null }, index) => {
        checkType(run.kind, type, `events.${index}.type`)
        return { at, type, json: toEventJson(data, this.#parts.eventBytes) }
      }),
      producer: producer === undefined || seq === undefined ? null : { id: producer, epoch, seq },
      leaseUntil: at + leaseMs(run.spec),
    })
  }

  /** Ends the run as its producer says. A repeated call with the same state is answered with the run as it is. */
  async finish(
    run: RunRecord,
    request: FinishRequest | null,
    { mayWait = true }: ProduceOptions = {},
  ): Promise<RunRecord> {
    this.#detached(run)
    if (request === null) {
      const fields = [{ path: 'state', expected: 'completed or errored' }]
      throw new MillraceError('invalid_request', 'Say how the run ended', { fields })
    }
    if (!isFinal(run.state)) this.#checkWritable(mayWait)
    const { state, result = null, error, tokensUsed = null, stack } = request
    const { eventBytes, log, now, store, ownerBytesMax } = this.#parts
    const at = now()
    const { duration = at - (run.startedAt ?? run.createdAt) } = request
    const failure = typeof error === 'string' ? { message: error } : error
    if (stack !== undefined) log.warn({ run: run.id, stack }, 'the producer of a run failed')
    const data =
      state === 'completed'
        ? { result, duration, tokensUsed }
        : { error: failure?.message ?? 'The producer reported a failure', code: failure?.code ?? 'failed' }
    try {
      return await store.finish(run.id, run.attempt, {
        state,
        event: { at, type: terminalType(run.kind, state), json: toEventJson(data, eventBytes) },
        result: state === 'completed' ? bounded(result, eventBytes) : null,
        error: state === 'errored' ? boundedError({ message: String(data.error) }, eventBytes) : null,
        usage: null,
        ownerBytesMax,
      })
    } catch (thrown) {
      const current = await store.getRun(run.id)
      if (current?.state === state) return current
      throw thrown
    }
  }

  /** Ends a run from outside: there is no process to wait for. */
  async end(run: RunRecord, message: string): Promise<RunRecord> {
    const { store, kinds } = this.#parts
    const cause = run.cause ?? 'abort'
    try {
      const finish = cutShort(run, kinds.get(run.kind)?.runner, cause, message, this.#parts)
      return await store.finish(run.id, run.attempt, finish)
    } catch (error) {
      const current = await store.getRun(run.id)
      if (current !== null && isFinal(current.state)) return current
      throw error
    }
  }

  async #look(): Promise<void> {
    const { store, log, now } = this.#parts
    const at = now()
    const sinceLook = this.#lookedAt === null ? Number.POSITIVE_INFINITY : at - this.#lookedAt
    this.#lookedAt = at
    const isWritable = store.status().kind === 'ok'
    if (sinceLook < 0 || sinceLook > lookGapMs || !isWritable) this.#listeningSince = at
    try {
      const silent = isWritable ? await store.listSilent(at) : []
      await Promise.all(silent.map((run) => this.#judgeSilent(run, at)))
    } catch (error) {
      log.warn({ err: error }, 'silent runs could not be looked for; they are looked for again')
    }
    if (this.#cancelLook !== null) this.start()
  }

  /** Ends a run whose lease has ended, or gives its producer the rest of the time that it was owed. */
  async #judgeSilent(run: RunRecord, at: number): Promise<void> {
    const { store, kinds, log } = this.#parts
    const { detached, runner } = kinds.get(run.kind) ?? {}
    const leaseUntil = this.#listeningSince + (detached?.leaseMs(run.spec) ?? 0)
    try {
      if (run.cause !== null) await this.end(run, endRequestFor(run.cause).message)
      else if (leaseUntil >= at) await store.produce(run.id, { events: [], producer: null, leaseUntil })
      else {
        const message = 'Interrupted: the producer was silent until its lease ended'
        const finish = cutShort(run, runner, 'crash', message, this.#parts)
        await store.finishSilent(run.id, run.attempt, finish, at)
      }
    } catch (error) {
      if (error instanceof MillraceError && (error.code === 'run_over' || error.code === 'not_found')) return
      log.warn({ run: run.id, err: error }, 'a silent run could not be ended; it is tried again')
    }
  }

  #checkWritable(mayWait: boolean): void {
    const status = this.#parts.store.status()
    if (!mayWait && status.kind !== 'ok') throw new MillraceError(`storage_${status.kind}`, status.message)
  }

  #detached(run: RunFacts): NonNullable<Kind['detached']> {
    const detached = this.#parts.kinds.get(run.kind)?.detached
    if (detached) return detached
    throw new MillraceError(
      'invalid_request',
      `Only the server can add events to a run of the kind "${run.kind}"`,
    )
  }
}

/** Fails with `invalid_request`, naming the event, unless a producer may send this type. */
function checkType(kind: RunKind, type: string, path: string): void {
  const reserved = isReserved(kind, type)
  if (eventTypePattern.test(type) && !reserved) return
  const expected = reserved ? 'a type that is not reserved' : `a type that matches ${eventTypePattern.source}`
  throw new MillraceError(
    'invalid_request',
    `The event type ${JSON.stringify(type.slice(0, 100))} is not allowed`,
    {
      fields: [{ path, expected }],
    },
  )
}
