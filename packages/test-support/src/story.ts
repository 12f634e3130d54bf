/** What holds for the log of every execution, whatever its agent did and however it ended. */
import { expect } from 'vitest'

export interface Told {
  type: string
  data: unknown
}

/**
 * Checks the events of an execution without those of the run itself. `isOver`: it has ended, its terminal event may
 * follow or be the last one.
 */
export function expectStory(events: readonly Told[], { isOver = true }: { isOver?: boolean } = {}): void {
  if (events.length === 0) return
  expect(events[0]?.type, 'the first event').toBe('execution:started')
  let isPlanned = false
  let phase: string | null = null
  const open = new Map<string, { phaseId: unknown; parent: unknown }>()
  const seen = new Set<string>()
  for (const [index, { type, data: given }] of events.entries()) {
    const data = given as Record<string, unknown>
    const id = String(data.toolCallId)
    if (type === 'execution:started') expect(index, 'one beginning').toBe(0)
    if (type === 'plan:created') {
      expect(isPlanned, 'one plan is created').toBe(false)
      isPlanned = true
    }
    if (type === 'plan:updated') expect(isPlanned, 'an updated plan was created').toBe(true)
    if (type === 'plan:created' || type === 'plan:updated') expectPlan(data.plan)
    if (type === 'phase:start') {
      expect(phase, 'one phase at a time').toBeNull()
      phase = String(data.phaseId)
    } else if (type === 'phase:complete') {
      expect(data.phaseId, 'only the phase at work completes').toBe(phase)
      phase = null
    } else if (type === 'tool:start') {
      expect(seen.has(id), `call ${id} starts once`).toBe(false)
      seen.add(id)
      if (!isPlanned) expect(data.phaseId, 'a call lies in a phase').toBeDefined()
      open.set(id, { phaseId: data.phaseId, parent: data.parentToolCallId })
    } else if (type === 'tool:output' || type === 'tool:complete') {
      const call = open.get(id)
      expect(call, `${type} of an open call`).toBeDefined()
      expect([data.phaseId, data.parentToolCallId]).toEqual([call?.phaseId, call?.parent])
      if (type === 'tool:complete') {
        expect(data.duration).toBeGreaterThanOrEqual(0)
        open.delete(id)
      }
    } else if (['thinking', 'text:delta'].includes(type) && data.phaseId !== undefined) {
      expect(data.phaseId, 'where it belongs').toBe(phase)
    }
    if (data.parentToolCallId !== undefined) {
      expect(seen.has(String(data.parentToolCallId)), 'a parent began before').toBe(true)
    }
  }
  if (!isOver) return
  expect([...open.keys()], 'calls without an end').toEqual([])
  expect(phase, 'a phase without an end').toBeNull()
}

/** Checks the events that close a story: what a call contains ends before it. */
export function expectInnermostFirst(closing: readonly Told[]): void {
  const ended = new Set<unknown>()
  for (const { type, data } of closing) {
    if (type !== 'tool:complete') continue
    const { toolCallId, parentToolCallId, status } = data as Record<string, unknown>
    expect(status).toBe('cancelled')
    expect(ended.has(parentToolCallId), `${toolCallId} ends before the call it belongs to`).toBe(false)
    ended.add(toolCallId)
  }
}

function expectPlan(plan: unknown): void {
  const { phases } = plan as { phases: { id: string; status: string }[] }
  expect(phases.filter(({ status }) => status === 'active').length, 'active phases').toBeLessThanOrEqual(1)
  expect(new Set(phases.map(({ id }) => id)).size, 'ids of phases').toBe(phases.length)
}
