/**
 * The run service: start, look up, end, retry, resume, answer, shut down.
 *
 * Owns: the parts that do it (the dispatcher, the active runs, the approvals that are waited for), and no
 * truth: what a run is, and whether it may start or end, is decided by the store.
 * Invariant: a principal learns nothing of another's run.
 */
import { randomUUID } from 'node:crypto'
import {
  type AnswerApprovalBody,
  isFinal,
  type LogBounds,
  lifecycleTypes,
  MillraceError,
  type OpenQuestion,
  type PermissionResolvedEvent,
  type Run,
  type RunKind,
} from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import type { Logger } from 'pino'
import { z } from 'zod'
import { maySee, type Principal } from '#auth/principal'
import type { Kind } from '#runners/kind'
import { EndRequest } from '#runners/runner'
import {
  type ApprovalStore,
  type CommitFeed,
  type LogStore,
  type MessageStore,
  type Produced,
  type ProducerStore,
  publicRun,
  type QueueCounts,
  type RunFilter,
  type RunProcess,
  type RunRecord,
  type RunStore,
  type Store,
  type StoreHealth,
  type TranscriptStore,
} from '#store/store'
import { type Clock, wallClock } from '#time/clock'
import { ActiveRuns } from './active-runs.ts'
import { Approvals } from './approvals/approvals.ts'
import { Expiries } from './approvals/expiries.ts'
import { Questions } from './approvals/questions.ts'
import { toEventJson } from './clip.ts'
import { Dispatcher, type Placed } from './dispatcher.ts'
import { endRequestFor } from './ending.ts'
import { Messages } from './messages.ts'
import { lookMs, OtherNodes, type OtherNodesParts } from './other-nodes.ts'
import { type BatchRequest, type FinishRequest, type ProduceOptions, Producers } from './producers.ts'
import { recover } from './recovery.ts'
import { fingerprintOf } from './starting/fingerprint.ts'
import { type ForkRequest, type StartOptions, Successors } from './starting/successors.ts'

export interface RunsParts {
  store: RunStore &
    Pick<LogStore, 'append' | 'readAfter' | 'getRunWithBounds'> &
    ProducerStore &
    ApprovalStore &
    MessageStore &
    TranscriptStore &
    CommitFeed &
    StoreHealth &
    Pick<Store, 'shared' | 'ownerBytes'>
  kinds: readonly Kind[]
  projects: ReadonlyMap<string, { id: string; path: string }>
  sandbox: Sandbox
  endLeftovers: (runs: { id: string; process: RunProcess | null }[]) => Promise<number>
  eventBytes: number
  node: string
  now: () => number
  log: Logger
  /** How long the processes of a run have at a shutdown before its terminal event is written anyway. */
  shutdownGraceMs: number
  /** How long an abort waits for the run's end before it answers with the run as it is. */
  abortWaitMs?: number
  /** Where nodes share the store: what this one takes of the queue, and which runs some node can work on. */
  placement?: Placed
  /** How long an approval stays open before it counts as denied. */
  approvalSeconds?: number
  /** What the runs of one owner may take in the store. Default: any number of bytes. */
  ownerBytesMax?: number | undefined
  /** What waits of many runs are timed by. */
  after?: Clock['after']
}

export class Runs {
  /** What people say to the agents of runs. */
  readonly messages: Messages
  readonly #parts: RunsParts
  readonly #kinds: ReadonlyMap<string, Kind>
  readonly #active: ActiveRuns
  readonly #dispatcher: Dispatcher
  readonly #producers: Producers
  readonly #approvals: Approvals
  readonly #questions: Questions
  readonly #expiries: Expiries
  readonly #otherNodes: OtherNodes | null
  readonly #successors: Successors
  readonly #requestSchema: z.ZodType<{ kind: RunKind } & Record<string, unknown>>
  #closedAtOpen = 0
  #draining = false
  #stopping: Promise<void> | null = null

  constructor(parts: RunsParts) {
    this.#parts = parts
    this.#kinds = new Map(parts.kinds.map((kind) => [kind.kind, kind]))
    const requests = parts.kinds.map(({ request }) => request) as [Kind['request'], ...Kind['request'][]]
    this.#requestSchema = z.discriminatedUnion('kind', requests)
    const visible = this.#visible.bind(this)
    this.messages = new Messages({ ...parts, kinds: this.#kinds, visible })
    const questions = new Questions(parts.store)
    this.#questions = questions
    this.#approvals = new Approvals({
      ...parts,
      form: async (runId, approvalId) => (await questions.textOf(runId, approvalId))?.form,
    })
    const start: Runs['start'] = this.start.bind(this)
    this.#successors = new Successors({ ...parts, visible, kindOf: (kind) => this.#kindOf(kind), start })
    const { shared } = parts.store
    const expire = this.#approvals.expire.bind(this.#approvals)
    this.#expiries = new Expiries({ ...parts, expire, othersPark: shared !== undefined })
    const after = parts.after ?? wallClock.after
    this.#producers = new Producers({ ...parts, kinds: this.#kinds, after })
    this.#active = new ActiveRuns({
      ...parts,
      after,
      kinds: this.#kinds,
      approvals: this.#approvals,
      messages: this.messages,
      finishDetached: this.#producers.end.bind(this.#producers),
      parked: () => this.#expiries.look(),
    })
    // Nobody here works on a detached run, so nobody claims one.
    const works = parts.placement?.works ?? true
    const claimed = works ? parts.kinds.filter(({ detached }) => detached === undefined) : []
    this.#dispatcher = new Dispatcher({
      ...parts,
      kinds: claimed,
      launch: (run) => this.#active.launch(run),
      lookMs: shared && lookMs,
      ...(parts.placement && { share: parts.placement.share }),
    })
    const end: OtherNodesParts['end'] = (id, cause) => this.#active.endHere(id, endRequestFor(cause))
    const isActive: OtherNodesParts['isActive'] = (id) => this.#active.has(id)
    const working = { kinds: this.#kinds, end, isActive, after }
    this.#otherNodes = shared ? new OtherNodes({ ...parts, shared, ...working }) : null
  }

  /** Shape of a request that starts a run: one member a kind. */
  get request(): z.ZodType<{ kind: RunKind } & Record<string, unknown>> {
    return this.#requestSchema
  }

  /** Closes what an earlier server left active, then begins to take runs from the queue. */
  async open(): Promise<void> {
    this.#closedAtOpen = await recover({ ...this.#parts, kinds: this.#kinds })
    this.#dispatcher.start()
    this.#expiries.look()
    this.#producers.start()
    this.#otherNodes?.start()
  }

  /** How many runs an earlier server had left open, and `open()` closed. */
  get recovered(): number {
    return this.#closedAtOpen
  }

  get activeCount(): number {
    return this.#active.count
  }

  /**
   * Puts a run in the queue and returns at once; it is on disk when the promise resolves. `created`
   * is false when the idempotency key named a run that exists.
   */
  async start(
    request: { kind: RunKind } & Record<string, unknown>,
    principal: Principal,
    options: StartOptions = {},
  ): Promise<{ run: Run; created: boolean }> {
    if (this.#draining) throw new MillraceError('draining', 'The server is shutting down; try again shortly')
    const kind = this.#kindOf(request.kind)
    const availability = kind.availability()
    if (!availability.available) throw new MillraceError('agent_unavailable', availability.reason)
    const preparing = kind.prepare(request, principal.user)
    const { project, spec, place } = preparing instanceof Promise ? await preparing : preparing
    if (kind.detached === undefined)
      await this.#parts.placement?.require({ kind: request.kind, project, spec })
    const at = this.#parts.now()
    const { id = randomUUID(), idempotencyKey, retryOf = null, resumes = null, fork } = options
    const creating = this.#parts.store.createRun({
      id,
      kind: request.kind,
      project,
      owner: principal.user,
      spec,
      createdAt: at,
      retryOf,
      resumes,
      ...(fork === undefined ? {} : { fork }),
      exclusive: kind.exclusive,
      ownerBytesMax: this.#parts.ownerBytesMax,
      ...(place === undefined ? {} : { place }),
      queued: {
        at,
        type: lifecycleTypes.queued,
        json: toEventJson({ kind: request.kind, project, spec }, this.#parts.eventBytes),
      },
      ...this.#detachedAt(at, kind, spec),
      idempotency:
        idempotencyKey === undefined
          ? null
          : { key: idempotencyKey, fingerprint: fingerprintOf(request.kind, project, spec) },
    })
    this.#dispatcher.expect(request.kind)
    const { run, created } = await creating
    return { run: publicRun(run), created }
  }

  /** Returns the principal's run of this id, and starts it where there is none. Another user's is `not_found`. */
  async ensure(
    id: string,
    request: { kind: RunKind } & Record<string, unknown>,
    principal: Principal,
  ): Promise<Run> {
    if ((await this.#parts.store.getRun(id)) !== null) return this.get(id, principal)
    try {
      return (await this.start(request, principal, { id })).run
    } catch (error) {
      // Another call may have started it meanwhile.
      if ((await this.#parts.store.getRun(id)) === null) throw error
      return this.get(id, principal)
    }
  }

  /** A run that another program works on begins at once. */
  #detachedAt(at: number, { detached }: Kind, spec: Record<string, unknown>) {
    if (detached === undefined) return {}
    const json = toEventJson({ attempt: 1 }, this.#parts.eventBytes)
    const started = { at, type: lifecycleTypes.started, json }
    return { detached: { started, leaseUntil: at + detached.leaseMs(spec) } }
  }

  /** Appends a batch of a program that works on one of its caller's external runs. */
  async produce(
    id: string,
    batch: BatchRequest,
    principal: Principal,
    options: ProduceOptions = {},
  ): Promise<Produced> {
    const facts = await this.#producers.facts(id)
    if (facts === null || !maySee(principal, facts.owner)) throw notFound(id)
    try {
      this.#active.wrote(facts)
      return await this.#producers.produce(facts, batch, options)
    } catch (error) {
      throw error instanceof MillraceError && error.code === 'not_found' ? notFound(id) : error
    }
  }

  /** The run, if a program outside the server works on it and it is not over. */
  async producible(id: string, principal: Principal): Promise<Run> {
    const run = await this.#visible(id, principal)
    this.#producers.check(run)
    if (isFinal(run.state)) throw new MillraceError('run_over', 'The run is already over')
    return publicRun(run)
  }

  /** Ends an external run as the program that works on it says; lets an interactive session complete. */
  async finish(id: string, end: FinishRequest | null, by: Principal, options?: ProduceOptions): Promise<Run> {
    const run = await this.#visible(id, by)
    if (end === null && this.#kindOf(run.kind).detached === undefined) return this.messages.finish(run)
    return publicRun(await this.#producers.finish(run, end, options))
  }

  async get(id: string, principal: Principal): Promise<Run> {
    return publicRun(await this.#visible(id, principal))
  }

  /** As `get`, with where its log stands as of the same read. */
  async getWithBounds(id: string, principal: Principal): Promise<{ run: Run; bounds: LogBounds }> {
    const found = await this.#parts.store.getRunWithBounds(id)
    if (found === null || !maySee(principal, found.run.owner)) throw notFound(id)
    return { run: publicRun(found.run), bounds: found.bounds }
  }

  async list(filter: RunFilter, principal: Principal): Promise<{ runs: Run[]; nextCursor: string | null }> {
    const owner = principal.admin ? filter.owner : principal.user
    // To a user, the runs of another do not exist.
    if (filter.owner !== undefined && filter.owner !== owner) return { runs: [], nextCursor: null }
    const page = await this.#parts.store.listRuns({ ...filter, owner })
    return { runs: page.runs.map(publicRun), nextCursor: page.nextCursor }
  }

  counts(kind: RunKind): Promise<QueueCounts> {
    return this.#parts.store.queueCounts(kind)
  }

  /**
   * Ends a run. A run that is over already is returned as it is. Fails with `storage_full` when the disk
   * has no room to record it: the run is ended anyway, and its log says so once there is room.
   */
  abort(id: string, principal: Principal): Promise<Run> {
    return this.#end(id, principal, endRequestFor('abort'))
  }

  /** Ends a run as interrupted, with a reason for its followers; otherwise as `abort` does. */
  interrupt(id: string, principal: Principal, reason: string): Promise<Run> {
    return this.#end(id, principal, new EndRequest('shutdown', reason))
  }

  async #end(id: string, principal: Principal, requested: EndRequest): Promise<Run> {
    await this.#visible(id, principal)
    const run = await this.#active.end(id, requested)
    if (run === null) throw notFound(id)
    return publicRun(run)
  }

  /** See `Successors`. */
  retry(id: string, principal: Principal): Promise<Run> {
    return this.#successors.retry(id, principal)
  }

  fork(id: string, principal: Principal, request: ForkRequest): Promise<Run> {
    return this.#successors.fork(id, principal, request)
  }

  resume(id: string, principal: Principal, options: { prompt?: string | undefined } = {}): Promise<Run> {
    return this.#successors.resume(id, principal, options)
  }

  /** The questions that the principal may answer, and nobody has. */
  openQuestions({ admin, user }: Principal): Promise<OpenQuestion[]> {
    return this.#questions.open(admin ? undefined : user)
  }

  /**
   * Answers an approval that a run waits for. Fails with `not_found`, and with `already_answered` when it
   * is answered, has expired, or was withdrawn by the end of its run.
   */
  async answerApproval(
    id: string,
    approvalId: string,
    answer: AnswerApprovalBody,
    principal: Principal,
  ): Promise<PermissionResolvedEvent> {
    await this.#visible(id, principal)
    return this.#approvals.answer(id, approvalId, answer, principal.user)
  }

  /**
   * Interrupts every run that is active on this node, and claims no more. Queued runs stay queued: they
   * are on disk, and the next server claims them.
   */
  shutdown(): Promise<void> {
    this.#draining = true
    this.#producers.stop()
    this.#expiries.stop()
    this.#otherNodes?.stop()
    this.#stopping ??= this.#active.shutdown(this.#dispatcher.stop())
    return this.#stopping
  }

  /** As `shutdown`, of a node that may not write any longer: its processes are ended first, without a grace. */
  abandon(): Promise<void> {
    this.#active.abandon()
    return this.shutdown()
  }

  /** Refuses starts from here on. */
  refuseStarts(): void {
    this.#draining = true
  }

  #kindOf(kind: RunKind): Kind {
    const known = this.#kinds.get(kind)
    if (known !== undefined) return known
    const fields = [{ path: 'kind', expected: `one of ${[...this.#kinds.keys()].join(', ')}` }]
    throw new MillraceError('invalid_request', `This server has no runs of kind ${kind}`, { fields })
  }

  async #visible(id: string, principal: Principal): Promise<RunRecord> {
    const run = await this.#parts.store.getRun(id)
    if (run === null || !maySee(principal, run.owner)) throw notFound(id)
    return run
  }
}

/** The same answer for a run that does not exist and for one that is somebody else's. */
function notFound(id: string): MillraceError {
  return new MillraceError('not_found', `No run ${id.slice(0, 64)}`)
}
