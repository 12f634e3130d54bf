/**
 * Ends the process of an agent while people think about one of its calls, and lets a later one begin with that call.
 *
 * The SDK can put off a call: the hook that judges it says so, the process ends its turn there, and a process that resumes
 * the conversation calls the hook again. Of several calls in one answer all but one would be lost, so this is done only for
 * an answer that is whole and has one call. The hook may take its time, so quick people keep the process.
 *
 * A process that resumes makes its call as soon as it has started, whether or not it has read who judges calls: it is started
 * when that can be read, and told to ask about every call of such a tool.
 *
 * Owns: how many calls the newest answer has. Invariant: in a run that was woken, no call is let through or refused before
 * it is on disk that it begins.
 */
import type { Options, SDKMessage } from '@anthropic-ai/claude-agent-sdk'
import type { AgentTask } from '#agents/agent'
import type { Gate, GateCall, Permit } from '#agents/gate'
import type { Woken } from '#runners/runner'
import type { Clock } from '#time/clock'
import type { Turns } from './turns.ts'

export interface ParkingParts {
  gate: Pick<Gate, 'answered' | 'permit' | 'withdraw'>
  clock: Pick<Clock, 'after'>
  task: Pick<AgentTask, 'parkAfterMs' | 'woken'>
  turns: Pick<Turns, 'isCutting' | 'cut' | 'signal'>
}

/** For the model. */
export const cutReason = 'A message of a person interrupts this turn.'

/** An answer that is not whole by then does not come in pieces. */
const wholeMsMax = 5000

/** `cut`: the call is to be refused, since a message cuts the turn. */
export type Held = 'passes' | 'put off' | 'cut'

export class Parking {
  readonly #parts: ParkingParts
  readonly #woken: Woken | null
  #calls = 0
  #whole = Promise.withResolvers<void>()
  #isWhole = false
  #hasBegun: boolean
  #isPutOff = false
  /** What was decided of the call that the run was woken for. */
  #first: { id: string; permit: Promise<Permit> } | null = null

  constructor(parts: ParkingParts) {
    this.#parts = parts
    this.#woken = parts.task.woken ?? null
    this.#hasBegun = this.#woken === null
  }

  /** A call was put off: the result that follows is not the end of the turn. */
  get isPutOff(): boolean {
    return this.#isPutOff
  }

  heard(message: SDKMessage): void {
    if (message.type !== 'stream_event' || message.parent_tool_use_id !== null) return
    const event = (message.event ?? {}) as { type?: unknown; content_block?: { type?: unknown } }
    if (event.type === 'message_start') {
      this.#calls = 0
      this.#isWhole = false
      this.#whole = Promise.withResolvers()
    } else if (event.type === 'content_block_start' && event.content_block?.type === 'tool_use') {
      this.#calls += 1
    } else if (event.type === 'message_stop') {
      this.#isWhole = true
      this.#whole.resolve()
    }
  }

  /** Waits for people, no longer than the process is to wait for them. Never rejects. */
  async hold(call: GateCall): Promise<Held> {
    const { gate, clock, task, turns } = this.#parts
    if (!this.#hasBegun && turns.isCutting) {
      gate.withdraw(call.id)
      return 'cut'
    }
    const { parkAfterMs: afterMs } = task
    // The call that the run was woken for has its answer.
    if (afterMs === undefined || call.agentId !== undefined || !this.#hasBegun) return 'passes'
    const { promise: asked, resolve } = Promise.withResolvers<void>()
    const answered = gate
      .answered({ ...call, changeable: true, signal: turns.signal }, resolve)
      .then(() => false)
    // A run that is parked before its question is put waits for no answer: it would be woken at once.
    await Promise.race([asked, answered])
    const isLate =
      (await isLateAfter(answered, afterMs, clock)) &&
      // The hook is called before the answer that has the call is whole.
      (await Promise.race([answered, isLateAfter(this.#whole.promise, wholeMsMax, clock).then(() => true)]))
    this.#isPutOff = isLate && this.#isWhole && this.#calls === 1 && !turns.isCutting
    return this.#isPutOff ? 'put off' : 'passes'
  }

  /** As `permit` of the gate. The question about the call that a run is woken for is withdrawn when a message cuts the turn. */
  async permit(call: GateCall): Promise<Permit> {
    const known = this.#first
    // The process repeats the request when it learns late that somebody answers it.
    if (known !== null && known.id === call.id) return known.permit
    const { gate, turns } = this.#parts
    // The process says late, or never, that it no longer needs an answer.
    const signal = AbortSignal.any([turns.signal, ...(call.signal === undefined ? [] : [call.signal])])
    if (this.#hasBegun) return gate.permit({ ...call, signal })
    const permit = this.#permitFirst({ ...call, signal })
    this.#first = { id: call.id, permit }
    return permit
  }

  async #permitFirst(call: GateCall): Promise<Permit> {
    const { gate, turns } = this.#parts
    const permit = await Promise.race([gate.permit(call), turns.cut])
    return permit ?? { allowed: false, reason: cutReason }
  }

  /** To be awaited before a call is let through or refused. */
  async begins(): Promise<void> {
    this.#hasBegun = true
    await this.#woken?.begins()
  }
}

/** True when the promise has not settled after this long. */
async function isLateAfter(
  promise: Promise<unknown>,
  ms: number,
  clock: Pick<Clock, 'after'>,
): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const callOff = clock.after(ms, () => resolve(true))
  const isLate = await Promise.race([promise.then(() => false), late])
  callOff()
  return isLate
}

/** Options of a process that resumes with a call of this tool. Without them the call could run unjudged. */
export function wakingOptions(tool: string): Pick<Options, 'settings'> {
  return { settings: { permissions: { ask: [...new Set(['Bash', 'Read', 'Glob', 'Grep', tool])] } } }
}
