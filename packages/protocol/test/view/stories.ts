/**
 * Random stories of an execution: its calls as a tree, and the events that report them, in a possible order. Calls
 * run side by side and have subagents below them; a plan comes early, late or never, phases are begun in any order,
 * planned or not; the end may come at any time, in each of its ways.
 */
import fc from 'fast-check'
import type { RunState } from '#runs'
import type { ViewEvent } from '#view/index'

/** The parts of an item that the view must show. */
export interface Told {
  what: string
  children: Told[]
}

export interface Story {
  events: ViewEvent[]
  tree: Told[]
  phases: { id: string; status: string }[]
  /** Of the plan. Null where there was none. */
  goal: string | null
  state: RunState
}

interface OpenCall {
  id: string
  told: Told
}

const step = fc.record({
  action: fc.constantFrom('plan', 'think', 'say', 'call', 'output', 'complete', 'phase', 'phaseEnd', 'usage'),
  pick: fc.nat(7),
  below: fc.boolean(),
})

const endings = ['none', 'complete', 'error', 'cancel', 'interrupt'] as const
type Ending = (typeof endings)[number]

export const anyStory: fc.Arbitrary<Story> = fc
  .record({ steps: fc.array(step, { maxLength: 60 }), ending: fc.constantFrom(...endings) })
  .map(({ steps, ending }) => write(steps, ending))

type Step = (typeof step extends fc.Arbitrary<infer S> ? S : never) & object

function write(steps: readonly Step[], ending: Ending): Story {
  const writer = new Writer()
  writer.begin()
  for (const [number, one] of steps.entries()) writer.take(one, number)
  return writer.end(ending)
}

class Writer {
  readonly #events: ViewEvent[] = []
  readonly #tree: Told[] = []
  #phases: { id: string; status: string }[] = []
  #goal: string | null = null
  readonly #messages = new Map<string, Told>()
  #calls: OpenCall[] = []

  begin(): void {
    this.#say('run:started', { attempt: 1 })
    this.#say('execution:started', { task: 'Anything', startedAt: 1 })
  }

  take({ action, pick, below }: Step, number: number): unknown {
    const call = this.#calls[pick % Math.max(1, this.#calls.length)]
    const parent = below ? call : undefined
    const place = parent === undefined ? {} : { parentToolCallId: parent.id }
    switch (action) {
      case 'plan':
        return this.#plan(pick, number)
      case 'think':
        this.#tell(parent, `thinking thought ${number}`)
        return this.#say('thinking', { thought: `thought ${number}`, iteration: number, ...place })
      case 'say':
        return this.#text(`m${pick}`, `${number} `, parent)
      case 'call': {
        const id = `call-${number}`
        this.#calls.push({ id, told: this.#tell(parent, `call ${id} running`) })
        return this.#say('tool:start', { toolName: 'Read', params: { number }, toolCallId: id, ...place })
      }
      case 'output':
        return call && this.#say('tool:output', { toolCallId: call.id, text: 'x' })
      case 'complete':
        return call && this.#complete(call)
      case 'phase': {
        const planned = this.#phases.filter(({ status }) => status === 'pending')[pick]
        const phase = planned ?? { id: `phase-${number}`, status: '' }
        if (planned === undefined) this.#phases.push(phase)
        phase.status = 'active'
        return this.#say('phase:start', { phaseId: phase.id, phaseName: 'P', phaseIndex: number })
      }
      case 'phaseEnd': {
        const phase = this.#phases.find(({ status }) => status === 'active')
        if (phase === undefined) return undefined
        phase.status = 'complete'
        return this.#say('phase:complete', { phaseId: phase.id, phaseName: 'P' })
      }
      case 'usage':
        return this.#say('usage', { tokens: { input: number }, costUsd: null })
      default:
        return action satisfies never
    }
  }

  end(ending: Ending): Story {
    const state = this.#finish(ending)
    if (ending !== 'none') {
      for (const { id, told } of this.#calls) told.what = `call ${id} cancelled`
      for (const phase of this.#phases) if (phase.status === 'active') phase.status = 'incomplete'
    }
    return { events: this.#events, tree: this.#tree, phases: this.#phases, goal: this.#goal, state }
  }

  #finish(ending: Ending): RunState {
    switch (ending) {
      case 'none':
        return 'running'
      case 'complete':
        this.#say('execution:complete', { result: 'done', duration: 1, tokensUsed: 1 })
        return 'completed'
      case 'error':
        this.#say('execution:error', { error: 'Too long', code: 'max_tokens' })
        return 'errored'
      case 'cancel':
        this.#say('execution:error', { error: 'Enough', code: 'cancelled' })
        return 'aborted'
      case 'interrupt':
        this.#say('execution:interrupted', {})
        return 'interrupted'
      default:
        return ending satisfies never
    }
  }

  /** A new plan: of the phases so far those that have begun stay, after the planned ones. */
  #plan(count: number, number: number): void {
    const planned = Array.from({ length: count % 4 }, (_, index) => ({
      id: `plan-${number}-${index}`,
      status: 'pending',
    }))
    const type = this.#goal === null ? 'plan:created' : 'plan:updated'
    this.#goal = `goal ${number}`
    this.#phases = [...planned, ...this.#phases.filter(({ status }) => status !== 'pending')]
    const phases = planned.map((phase) => ({ ...phase, name: 'P' }))
    this.#say(type, { plan: { goal: this.#goal, phases } })
  }

  #text(messageId: string, text: string, parent: OpenCall | undefined): void {
    const known = this.#messages.get(messageId)
    if (known === undefined) this.#messages.set(messageId, this.#tell(parent, `text ${text}`))
    else known.what += text
    const place = parent === undefined ? {} : { parentToolCallId: parent.id }
    this.#say('text:delta', { messageId, text, ...place })
  }

  #complete(call: OpenCall): void {
    this.#calls = this.#calls.filter((one) => one !== call)
    call.told.what = `call ${call.id} ok`
    const rest = { result: 1, duration: 5, status: 'ok' }
    this.#say('tool:complete', { toolName: 'Read', toolCallId: call.id, ...rest })
  }

  #tell(parent: OpenCall | undefined, what: string): Told {
    const told: Told = { what, children: [] }
    const siblings = parent === undefined ? this.#tree : parent.told.children
    siblings.push(told)
    return told
  }

  #say(type: string, data: object): void {
    this.#events.push({ seq: this.#events.length + 1, type, data })
  }
}
