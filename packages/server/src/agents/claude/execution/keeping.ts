/**
 * Keeps the log of an execution in step with its conversation. The process of the SDK reports what it writes to its
 * transcript some tenths of a second after its messages. So a call begins only when the conversation on disk has it,
 * and its end is reported in the commit that has the result: whenever the server is killed, an agent that resumes
 * knows of every call that may have done something.
 *
 * Owns: the ids of the calls and results that the conversation has, the moves that wait for one, and one timer while
 * any wait.
 * Invariants: moves keep their order; none is reported before its result is kept or its own two seconds are over, and
 * none waits longer.
 */
import type { ExecutionHost } from '#agents/agent'
import type { AgentMove } from '#agents/moves'
import type { TranscriptEntry } from '#runners/runner'
import type { Clock } from '#time/clock'

/** A process that does not report its transcript may work on anyway. */
const waitMsMax = 2000

interface Waiting {
  moves: readonly AgentMove[]
  results: readonly string[]
  /** When the moves are reported even without their results. */
  due: number
}

export class Keeping {
  readonly #host: Pick<ExecutionHost, 'report' | 'appendTranscript'>
  readonly #clock: Clock
  readonly #calls = new Map<string, { kept: Promise<void>; keep: () => void }>()
  readonly #results = new Set<string>()
  #waiting: Waiting[] = []
  #callOff: (() => void) | null = null

  constructor(host: Pick<ExecutionHost, 'report' | 'appendTranscript'>, clock: Clock) {
    this.#host = host
    this.#clock = clock
  }

  /** Reports moves, in their order; those that wait need not be waited for. */
  report(moves: readonly AgentMove[]): Promise<void> {
    const results = moves.flatMap((move) => (move.move === 'tool-complete' ? [move.toolCallId] : []))
    if (this.#waiting.length === 0 && this.#has(results)) return this.#host.report(moves)
    this.#waiting.push({ moves, results, due: this.#clock.now() + waitMsMax })
    this.#awaitFirst()
    return Promise.resolve()
  }

  /** Adds to the conversation; what waited for it is reported in the same commit. */
  appendTranscript(entries: TranscriptEntry[]): Promise<void> {
    for (const { calls, results } of entries.map(callsIn)) {
      for (const id of results) this.#results.add(id)
      for (const id of calls) this.#call(id).keep()
    }
    const kept = this.#host.appendTranscript(entries)
    this.#reportReady()
    return kept
  }

  /** Resolves when the conversation has the call, or after a bounded time. */
  async kept(toolCallId: string): Promise<void> {
    const late = Promise.withResolvers<void>()
    const callOff = this.#clock.after(waitMsMax, late.resolve)
    await Promise.race([this.#call(toolCallId).kept, late.promise])
    callOff()
  }

  /** Reports everything that waits. */
  settle(): void {
    while (this.#waiting.length > 0) this.#reportFirst()
    this.#awaitFirst()
  }

  #call(id: string): { kept: Promise<void>; keep: () => void } {
    const known = this.#calls.get(id)
    if (known !== undefined) return known
    const { promise: kept, resolve: keep } = Promise.withResolvers<void>()
    this.#calls.set(id, { kept, keep })
    return { kept, keep }
  }

  #has(results: readonly string[]): boolean {
    return results.every((id) => this.#results.has(id))
  }

  /** Reports those in front whose results are kept, or that are due. */
  #reportReady(): void {
    const now = this.#clock.now()
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      if (first.due > now && !this.#has(first.results)) break
      this.#reportFirst()
    }
    this.#awaitFirst()
  }

  /** The first is due before the others. */
  #awaitFirst(): void {
    const [first] = this.#waiting
    if (first === undefined) this.#stopWaiting()
    else
      this.#callOff ??= this.#clock.after(Math.max(0, first.due - this.#clock.now()), () => {
        this.#callOff = null
        this.#reportReady()
      })
  }

  #reportFirst(): void {
    const first = this.#waiting.shift()
    if (first !== undefined) void this.#host.report(first.moves).catch(() => {})
  }

  #stopWaiting(): void {
    this.#callOff?.()
    this.#callOff = null
  }
}

/** The calls and the results in an entry of a transcript. */
function callsIn({ json }: TranscriptEntry): { calls: string[]; results: string[] } {
  const calls: string[] = []
  const results: string[] = []
  for (const block of blocksOf(json)) {
    const { type, id, tool_use_id: result } = (block ?? {}) as Record<string, unknown>
    if (type === 'tool_use' && typeof id === 'string') calls.push(id)
    if (type === 'tool_result' && typeof result === 'string') results.push(result)
  }
  return { calls, results }
}

function blocksOf(json: string): unknown[] {
  // Most entries are about other things, and some are long.
  if (!json.includes('"tool_')) return []
  const { message } = JSON.parse(json) as { message?: { content?: unknown } }
  return Array.isArray(message?.content) ? message.content : []
}
