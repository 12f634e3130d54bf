/**
 * What is open in the log of an execution: the phase at work, and the calls without an end. A story that is being told
 * keeps it as it goes; after a crash it is read from the log. Either way the same events close what is open.
 *
 * Owns: the phase and the calls. Invariant: `closing()` leaves nothing open.
 */
import type { EmittedEvent, PastEvent } from '#runners/runner'

interface OpenCall {
  toolName: string
  startedAt: number
  place: { phaseId?: string; parentToolCallId?: string }
}

export class OpenEnds {
  #phase: { phaseId: string; phaseName: string } | null = null
  /** In the order of their starts: a nested call comes after the one it belongs to. */
  readonly #calls = new Map<string, OpenCall>()

  /** The phase at work. */
  get phaseId(): string | null {
    return this.#phase?.phaseId ?? null
  }

  /** The call, if it is open. */
  call(toolCallId: string): OpenCall | undefined {
    return this.#calls.get(toolCallId)
  }

  take({ type, data: given, at }: PastEvent): void {
    const data = (given ?? {}) as Record<string, unknown>
    const id = String(data.toolCallId)
    switch (type) {
      case 'phase:start':
        this.#phase = { phaseId: String(data.phaseId), phaseName: String(data.phaseName) }
        return
      case 'phase:complete':
        if (data.phaseId === this.#phase?.phaseId) this.#phase = null
        return
      case 'tool:start':
        this.#calls.set(id, { toolName: String(data.toolName), startedAt: at, place: placeOf(data) })
        return
      case 'tool:complete':
        this.#calls.delete(id)
    }
  }

  /** Ends what is open: the calls as cancelled, innermost first, then the phase. */
  closing(at: number, phase: 'complete' | 'incomplete'): EmittedEvent[] {
    const calls = [...this.#calls].reverse().map(([toolCallId, call]) => ({
      type: 'tool:complete',
      data: completed(toolCallId, call, { at, status: 'cancelled', result: null }),
    }))
    const phases = this.#phase === null ? [] : [phaseComplete(this.#phase, phase)]
    this.#calls.clear()
    this.#phase = null
    return [...calls, ...phases]
  }

  /** The event that ends the phase at work. */
  phaseComplete(status: 'complete' | 'incomplete'): EmittedEvent[] {
    return this.#phase === null ? [] : [phaseComplete(this.#phase, status)]
  }
}

function phaseComplete(
  phase: { phaseId: string; phaseName: string },
  status: 'complete' | 'incomplete',
): EmittedEvent {
  return { type: 'phase:complete', data: { ...phase, ...(status === 'incomplete' ? { status } : {}) } }
}

/** The data of a call's end. */
export function completed(
  toolCallId: string,
  { toolName, startedAt, place }: OpenCall,
  { at, status, result }: { at: number; status: string; result: unknown },
) {
  // A clock that was set back makes no negative durations.
  return { toolName, toolCallId, result, duration: Math.max(0, Math.round(at - startedAt)), status, ...place }
}

function placeOf({ phaseId, parentToolCallId }: Record<string, unknown>): OpenCall['place'] {
  return {
    ...(typeof phaseId === 'string' ? { phaseId } : {}),
    ...(typeof parentToolCallId === 'string' ? { parentToolCallId } : {}),
  }
}
