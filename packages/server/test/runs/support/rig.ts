/**
 * The run service over a memory store, with scripted runners, and assertions about a log.
 */
import { randomUUID } from 'node:crypto'
import {
  finalStates,
  isFinal,
  type LogEvent,
  MillraceError,
  type Run,
  type RunKind,
  terminalType,
} from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import { until } from '@millrace/test-support/until'
import { type Logger, pino } from 'pino'
import { afterEach, beforeEach, expect, onTestFinished } from 'vitest'
import type { Principal } from '#auth/principal'
import { Runs, type RunsParts } from '#runs/runs'
import { openMemoryStore } from '#store/memory/store'
import type { MemoryTables } from '#store/memory/tables'
import type { Store } from '#store/store'
import { type Script, ScriptedRunner, scriptedKind, workUntilAsked } from './scripted-runner.ts'

export const ann: Principal = { user: 'ann', admin: false }
export const bob: Principal = { user: 'bob', admin: false }
/** Starts nothing, ever. */
export const eve: Principal = { user: 'eve', admin: false }
export const root: Principal = { user: 'root', admin: true }

const noSandbox: Sandbox = {
  report: { boundary: 'none', warnings: [], checks: [] },
  spawn: () => Promise.reject(new Error('scripted runs start no process')),
  close: () => Promise.resolve(),
}

export interface RigOptions {
  script?: Script
  /** The kind of its runs. Default: a job. */
  kind?: RunKind
  concurrency?: number
  /** The data of an earlier server. Default: none. */
  tables?: MemoryTables
  /** Wraps the store, to inject a fault. */
  between?: (store: Store) => Store
  parts?: Partial<RunsParts>
}

export interface Rig {
  store: Store
  runs: Runs
  runner: ScriptedRunner
  logged: string[]
  /** Everything is released at the end of the test; a test that closes earlier calls this. */
  close(): Promise<void>
}

/** A service that has not been opened. */
function buildRig(options: RigOptions = {}): Rig {
  const store = openMemoryStore(options.tables === undefined ? {} : { tables: options.tables })
  const runner = new ScriptedRunner(options.script ?? workUntilAsked, options.kind)
  const logged: string[] = []
  const log: Logger = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) })
  const runs = new Runs({
    store: options.between?.(store) ?? store,
    kinds: [scriptedKind(runner, options.concurrency ?? 4)],
    projects: new Map([['web', { id: 'web', path: '/made/up/web' }]]),
    sandbox: noSandbox,
    endLeftovers: async () => 0,
    eventBytes: 4096,
    node: randomUUID(),
    now: () => Date.now(),
    log,
    shutdownGraceMs: 50,
    ...options.parts,
  })
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= runs.shutdown().finally(() => store.close())
    return closed
  }
  onTestFinished(close)
  return { store, runs, runner, logged, close }
}

export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const rig = buildRig(options)
  await rig.runs.open()
  return rig
}

export async function startJob(
  runs: Runs,
  spec: Record<string, unknown> = {},
  principal = ann,
): Promise<Run> {
  return (await runs.start({ kind: 'job', ...spec }, principal)).run
}

export function untilState(runs: Runs, id: string, state: Run['state']): Promise<Run> {
  return until(async () => {
    const run = await runs.get(id, root)
    return run.state === state ? run : null
  }) as Promise<Run>
}

export function untilOver(runs: Runs, id: string): Promise<Run> {
  return until(async () => {
    const run = await runs.get(id, root)
    return isFinal(run.state) ? run : null
  }) as Promise<Run>
}

export async function logOf(store: Store, id: string): Promise<LogEvent[]> {
  const page = await store.readAfter(id, { after: 0, maxBytes: 64 * 1024 * 1024 })
  return (page?.events ?? []).map(({ seq, at, type, json }) => ({ seq, at, type, data: JSON.parse(json) }))
}

/** Asserts that the log of a finished run has no gap and exactly one, last, terminal event; returns the log. */
export async function expectWholeLog(store: Store, id: string): Promise<LogEvent[]> {
  const run = await store.getRun(id)
  if (run === null) throw new Error(`no run ${id}`)
  const log = await logOf(store, id)
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1))
  expect(run.head).toBe(log.length)
  expect(log[0]?.type).toBe('run:queued')
  if (!isFinal(run.state)) return log
  const terminal = new Set(finalStates.map((state) => terminalType(run.kind, state)))
  expect(log.filter((event) => terminal.has(event.type)).map((event) => event.seq)).toEqual([log.length])
  expect(log.at(-1)?.type).toBe(terminalType(run.kind, run.state))
  return log
}

/** Returns the code of the refusal that a promise rejects with. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )
  return error instanceof MillraceError ? error.code : String(error)
}

/** In every test of the file, an unhandled rejection fails the test it happened in. */
export function expectNothingUnhandled(): void {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  beforeEach(() => void process.on('unhandledRejection', note))
  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled.splice(0)).toEqual([])
  })
}
