/**
 * The run service: start, look up, abort, retry, shut down.
 *
 * Owns: the handles of the runs that are active on this node (`active`), and nothing that is true.
 * What a run is, and whether it may start or end, is decided by the store.
 * Invariants: a principal learns nothing of another's run; a run that was asked to end ends by the
 * first cause recorded, unless its own end was on its way to the disk already; after `shutdown()` no
 * run of this node is active.
 */
import { createHash, randomUUID } from 'node:crypto'
import {
  type AnswerApprovalBody,
  isFinal,
  lifecycleTypes,
  MillraceError,
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
  publicRun,
  type QueueCounts,
  type RunFilter,
  type RunProcess,
  type RunRecord,
  type RunStore,
  type StoreHealth,
  type TranscriptStore,
} from '#store/store'
import type { Clock } from '#time/clock'
import { ActiveRun } from './active-run.ts'
import { Approvals } from './approvals.ts'
import { toEventJson } from './clip.ts'
import { Dispatcher } from './dispatcher.ts'
import { cancelQueued, endRequestFor, settledWithin } from './ending.ts'
import { recover } from './recovery.ts'

export interface RunsParts {
  store: RunStore & Pick<LogStore, 'append'> & ApprovalStore & TranscriptStore & CommitFeed & StoreHealth
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
  /** How long an approval stays open before it counts as denied. */
  approvalSeconds?: number
  /** What waits of many runs are timed by. */
  after?: Clock['after']
}

export interface StartOptions {
  idempotencyKey?: string | undefined
  retryOf?: string
  resumes?: string
}

const approvalSeconds = 3600
const abortWaitMs = 5000
/**
 * The cause of an end is on disk before the run is told, but on a disk that is full that may take for
 * ever, and the run that filled it is the one to be ended: then it is told after this long all the same.
 */
const recordWaitMs = 1000
/** How long a shutdown waits for a terminal event to be on disk, so that a full disk does not hold it up. */
const commitWaitMs = 2000

export class Runs {
  readonly #parts: RunsParts
  readonly #kinds: ReadonlyMap<string, Kind>
  readonly #active = new Map<string, ActiveRun>()
  readonly #dispatcher: Dispatcher
  readonly #approvals: Approvals
  /** Ends asked for runs whose claim has not come back to this node yet. */
  readonly #endAtLaunch = new Map<string, EndRequest>()
  readonly #requestSchema: z.ZodType<{ kind: RunKind } & Record<string, unknown>>
  #closedAtOpen = 0
  #draining = false
  #stopping: Promise<void> | null = null

  constructor(parts: RunsParts) {
    this.#parts = parts
    this.#kinds = new Map(parts.kinds.map((kind) => [kind.kind, kind]))
    const requests = parts.kinds.map(({ request }) => request) as [Kind['request'], ...Kind['request'][]]
    this.#requestSchema = z.discriminatedUnion('kind', requests)
    this.#approvals = new Approvals(parts)
    this.#dispatcher = new Dispatcher({ ...parts, launch: (run) => this.#launch(run) })
  }

  /** Shape of a request that starts a run: one member a kind. */
  get request(): z.ZodType<{ kind: RunKind } & Record<string, unknown>> {
    return this.#requestSchema
  }

  /** Closes what an earlier server left active, then begins to take runs from the queue. */
  async open(): Promise<void> {
    this.#closedAtOpen = await recover({ ...this.#parts, kinds: this.#kinds })
    this.#dispatcher.start()
  }

  /** How many runs an earlier server had left open, and `open()` closed. */
  get recovered(): number {
    return this.#closedAtOpen
  }

  get activeCount(): number {
    return this.#active.size
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
    const { project, spec } = kind.prepare(request)
    const at = this.#parts.now()
    const { idempotencyKey, retryOf = null, resumes = null } = options
    const creating = this.#parts.store.createRun({
      id: randomUUID(),
      kind: request.kind,
      project,
      owner: principal.user,
      spec,
      createdAt: at,
      retryOf,
      resumes,
      exclusive: kind.exclusive,
      queued: {
        at,
        type: lifecycleTypes.queued,
        json: toEventJson({ kind: request.kind, project, spec }, this.#parts.eventBytes),
      },
      idempotency:
        idempotencyKey === undefined
          ? null
          : { key: idempotencyKey, fingerprint: fingerprintOf(request.kind, project, spec) },
    })
    this.#dispatcher.expect(request.kind)
    const { run, created } = await creating
    return { run: publicRun(run), created }
  }

  async get(id: string, principal: Principal): Promise<Run> {
    return publicRun(await this.#visible(id, principal))
  }

  async list(
    filter: Omit<RunFilter, 'owner'>,
    principal: Principal,
  ): Promise<{ runs: Run[]; nextCursor: string | null }> {
    const owner = principal.admin ? undefined : principal.user
    const page = await this.#parts.store.listRuns({ ...filter, owner })
    return { runs: page.runs.map(publicRun), nextCursor: page.nextCursor }
  }

  counts(kind: RunKind): Promise<QueueCounts> {
    return this.#parts.store.queueCounts(kind)
  }

  /**
   * Ends a run. A run that is over already is returned as it is. Fails with `storage_full` when the disk
   * has no room to record it: the run is ended all the same, and its log says so once there is room.
   */
  abort(id: string, principal: Principal): Promise<Run> {
    return this.#endFromOutside(id, principal, endRequestFor('abort'))
  }

  /** Ends a run as interrupted, for a reason that its followers are told; otherwise as `abort` does. */
  interrupt(id: string, principal: Principal, reason: string): Promise<Run> {
    return this.#endFromOutside(id, principal, new EndRequest('shutdown', reason))
  }

  async #endFromOutside(id: string, principal: Principal, asked: EndRequest): Promise<Run> {
    await this.#visible(id, principal)
    const recorded = this.#parts.store.requestEnd(id, asked.endCause)
    if (!(await settledWithin(recorded, recordWaitMs))) {
      this.#active.get(id)?.end(asked)
      await this.#recordedOrFull(recorded)
    }
    const record = await recorded
    if (record === null) throw notFound(id)
    if (isFinal(record.state)) return publicRun(record)
    // Not what was asked for now when something else was first.
    const cause = record.cause ?? asked.endCause
    const request = cause === asked.endCause ? asked : endRequestFor(cause)
    if (record.state === 'queued') {
      const runner = this.#kinds.get(record.kind)?.runner
      const reason = cause === 'abort' ? undefined : request.message
      return publicRun(await cancelQueued(record, runner, this.#parts, reason))
    }
    const active = this.#active.get(id)
    if (active !== undefined) {
      active.end(request)
      await settledWithin(active.done, this.#parts.abortWaitMs ?? abortWaitMs)
    } else if (record.node === this.#parts.node) this.#endAtLaunch.set(id, request)
    return this.get(id, principal)
  }

  async #recordedOrFull(recorded: Promise<unknown>): Promise<void> {
    while (!(await settledWithin(recorded, this.#parts.abortWaitMs ?? abortWaitMs))) {
      const status = this.#parts.store.status()
      if (status.kind === 'full') throw new MillraceError('storage_full', status.message)
    }
  }

  /**
   * Runs the same spec again, as a new run. What went on with a conversation goes on with the same one:
   * `not_resumable` when that is not kept any more.
   */
  async retry(id: string, principal: Principal): Promise<Run> {
    const run = await this.#visible(id, principal)
    if (!isFinal(run.state)) throw new MillraceError('run_open', 'Only a run that is over can be retried')
    const request = { ...run.spec, kind: run.kind }
    const options = run.resumes === null ? {} : { resumes: run.resumes }
    return (await this.start(request, principal, { ...options, retryOf: run.id })).run
  }

  /**
   * Goes on with the conversation of a session that is over, as a new run with the same spec and another
   * prompt. Fails with `not_resumable` for any other kind, and where nothing of the conversation is kept;
   * with `run_open` while it is not over; with `project_busy`.
   */
  async resume(
    id: string,
    principal: Principal,
    options: { prompt?: string | undefined } = {},
  ): Promise<Run> {
    const run = await this.#visible(id, principal)
    const { resumable } = this.#kindOf(run.kind)
    if (resumable === null) {
      throw new MillraceError(
        'not_resumable',
        `A run of kind ${run.kind} cannot be resumed; retry it instead`,
      )
    }
    if (!isFinal(run.state)) throw new MillraceError('run_open', 'Only a run that is over can be resumed')
    const request = { ...resumable.request(run, options.prompt), kind: run.kind }
    try {
      return (await this.start(request, principal, { resumes: run.id })).run
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'not_resumable') throw error
      throw new MillraceError('not_resumable', `${error.message}; retry it instead`, { cause: error })
    }
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
   * Ends everything that is active on this node, as interrupted, and takes no more. Queued runs stay
   * queued: they are on disk and the next server takes them.
   */
  shutdown(): Promise<void> {
    this.#draining = true
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    await settledWithin(this.#dispatcher.stop(), recordWaitMs)
    await Promise.all([...this.#active.values()].map((run) => this.#interruptActive(run)))
  }

  /** Starts are refused from here on. */
  refuseStarts(): void {
    this.#draining = true
  }

  async #interruptActive(run: ActiveRun): Promise<void> {
    const recorded = this.#parts.store.requestEnd(run.id, 'shutdown').catch(() => null)
    const known = await settledWithin(recorded, recordWaitMs)
    run.end(endRequestFor((known ? (await recorded)?.cause : null) ?? 'shutdown'))
    if (await settledWithin(run.done, this.#parts.shutdownGraceMs)) return
    await settledWithin(run.finishNow(), commitWaitMs)
  }

  #launch(record: RunRecord): void {
    const project = record.project === null ? null : (this.#parts.projects.get(record.project) ?? null)
    const run = new ActiveRun(record, {
      ...this.#parts,
      approvalSeconds: this.#parts.approvalSeconds ?? approvalSeconds,
      approvals: this.#approvals,
      runner: this.#kindOf(record.kind).runner,
      project,
    })
    this.#active.set(record.id, run)
    void run.done.then(() => this.#active.delete(record.id))
    const asked = this.#endAtLaunch.get(record.id)
    this.#endAtLaunch.delete(record.id)
    if (asked !== undefined) run.end(asked)
    // A claim that came back after shutdown() had stopped waiting for it.
    else if (this.#stopping !== null) void this.#interruptActive(run)
  }

  #kindOf(kind: RunKind): Kind {
    const known = this.#kinds.get(kind)
    if (known !== undefined) return known
    const expected = `one of ${[...this.#kinds.keys()].join(', ')}`
    throw new MillraceError('invalid_request', `This server runs no runs of kind ${kind}`, {
      fields: [{ path: 'kind', expected }],
    })
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

/** Two requests that mean the same have one fingerprint, in whatever order their keys came. */
function fingerprintOf(kind: RunKind, project: string | null, spec: Record<string, unknown>): string {
  const text = JSON.stringify([kind, project, spec], (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  return createHash('sha256').update(text).digest('hex')
}
