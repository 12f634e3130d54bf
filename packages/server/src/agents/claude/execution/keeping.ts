/**
 * Keeps the log of an execution in step with its conversation. The process of the SDK reports what it writes to its
 * transcript some tenths of a second after its messages. So a call begins only when the conversation on disk has it,
 * and its end is reported in the commit that has the result: whenever the server is killed, an agent that resumes
 * knows of every call that may have done something. The process also has a call judged before its message is read, or while
 * the start of the call waits here: its denial waits for that.
 *
 * Owns: the ids of the calls and results that the conversation has, the moves and events that wait, and their timers.
 * Invariants: moves keep their order; none is reported before its result is kept or its own two seconds are over, and
 * none waits longer. The start of a call is reported before its denial, unless it is more than two seconds late.
 */
import type { ExecutionHost } from '#agents/agent'
import type { AgentMove } from '#agents/moves'
import type { TranscriptEntry } from '#runners/runner'
import type { Clock } from '#time/clock'

/** A process that does not report its transcript may work on anyway. */
const waitMsMax = 2000

interface Call {
  kept: Promise<void>
  keep(): void
  /** Its start has been reported. */
  begun: Promise<void>
  begin(): void
  isBegun: boolean
  /** Called in the tick in which its start is reported, before anything else is. */
  afterwards: (() => void)[]
}

interface Waiting {
  moves: readonly AgentMove[]
  results: readonly string[]
  /** When the moves are reported even without their results. */
  due: number
}

export class Keeping {
  readonly #host: Pick<ExecutionHost, 'report' | 'appendTranscript'>
  readonly #clock: Clock
  readonly #calls = new Map<string, Call>()
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
    if (this.#waiting.length === 0 && this.#has(results)) return this.#reportNow(moves)
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

  /** Resolves when the conversation has the call and its start is reported, or after a bounded time. */
  async kept(toolCallId: string): Promise<void> {
    const { kept, begun } = this.#call(toolCallId)
    const late = Promise.withResolvers<void>()
    const callOff = this.#clock.after(waitMsMax, late.resolve)
    await Promise.race([Promise.all([kept, begun]), late.promise])
    callOff()
  }

  /** Calls `emit` once the start of the call is reported, or after a bounded time. It need not be waited for. */
  afterStart(toolCallId: string, emit: () => Promise<void>): Promise<void> {
    const call = this.#call(toolCallId)
    if (call.isBegun) return emit()
    let isEmitted = false
    const emitOnce = () => {
      if (isEmitted) return
      isEmitted = true
      callOff()
      void emit().catch(() => {})
    }
    const callOff = this.#clock.after(waitMsMax, emitOnce)
    call.afterwards.push(emitOnce)
    return Promise.resolve()
  }

  /** Reports everything that waits. */
  settle(): void {
    while (this.#waiting.length > 0) this.#reportFirst()
    this.#awaitFirst()
    for (const call of this.#calls.values()) for (const emit of call.afterwards.splice(0)) emit()
  }

  #call(id: string): Call {
    const known = this.#calls.get(id)
    if (known !== undefined) return known
    const { promise: kept, resolve: keep } = Promise.withResolvers<void>()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const call = { kept, keep, begun, begin, isBegun: false, afterwards: [] }
    this.#calls.set(id, call)
    return call
  }

  #reportNow(moves: readonly AgentMove[]): Promise<void> {
    const reported = this.#host.report(moves)
    for (const move of moves) if (move.move === 'tool-start') this.#begin(this.#call(move.toolCallId))
    return reported
  }

  #begin(call: Call): void {
    call.isBegun = true
    call.begin()
    for (const emit of call.afterwards.splice(0)) emit()
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
    if (first !== undefined) void this.#reportNow(first.moves).catch(() => {})
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
