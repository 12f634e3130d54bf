/** Messages of the agent SDK, in shapes that its process was seen to use (packages/scripted-model/README.md). */
import type { ScriptedEvent } from './scripted-server.ts'

export interface Said {
  type: string
  data: object
}

const said = (type: string, data: object): Said => ({ type, data: { type, ...data } })
const streamed = (event: object, parent: string | null = null) =>
  said('stream_event', { event, parent_tool_use_id: parent })

export const init = said('system', { subtype: 'init', cwd: '/project', model: 'any', tools: [] })

export function whole(content: object[], parent: string | null = null, model = 'model-1'): Said {
  return said('assistant', { message: { model, content }, parent_tool_use_id: parent })
}

export const text = (value: string) => ({ type: 'text', text: value })
export const thinking = (value: string) => ({ type: 'thinking', thinking: value })
export const call = (name: string, input: object, id = 'call-1') => ({ type: 'tool_use', id, name, input })

export function results(content: unknown, isError = false, parent: string | null = null): Said {
  const part = { type: 'tool_result', tool_use_id: 'call-1', content, is_error: isError }
  return said('user', { message: { role: 'user', content: [part] }, parent_tool_use_id: parent })
}

/** The result of a call that made a file. */
export function wrote(filePath: string, content: string): Said {
  const made = { type: 'create', filePath, content, structuredPatch: [] }
  const { data } = results('File created')
  return said('user', { ...data, tool_use_result: made })
}

export function result(change: object = {}): Said {
  return said('result', {
    subtype: 'success',
    is_error: false,
    num_turns: 2,
    total_cost_usd: 0.0123,
    duration_ms: 3210,
    ...change,
  })
}

/** One answer as it streams: deltas cut as requested, each block whole before its stream says that it is done. */
export function answer(
  blocks: readonly { type: string }[],
  cut: (text: string) => string[] = (value) => [value],
): Said[] {
  return [
    streamed({ type: 'message_start', message: { model: 'model-1' } }),
    ...blocks.flatMap((block, index) => [
      streamed({ type: 'content_block_start', index, content_block: { type: block.type } }),
      ...deltas(block, cut).map((delta) => streamed({ type: 'content_block_delta', index, delta })),
      whole([block]),
      streamed({ type: 'content_block_stop', index }),
    ]),
    streamed({ type: 'message_stop' }),
  ]
}

function deltas(block: object, cut: (text: string) => string[]): object[] {
  if ('text' in block) return cut(String(block.text)).map((piece) => ({ type: 'text_delta', text: piece }))
  if ('thinking' in block)
    return cut(String(block.thinking)).map((piece) => ({ type: 'thinking_delta', thinking: piece }))
  return [{ type: 'input_json_delta', partial_json: '{' }]
}

export function asked(approvalId: string, command: string): Said {
  return {
    type: 'permission:requested',
    data: { approvalId, toolUseId: 'call-1', tool: 'Bash', input: { command }, reason: 'Why.', expiresAt: 9 },
  }
}

export function resolved(approvalId: string, change: object = {}): Said {
  return {
    type: 'permission:resolved',
    data: { approvalId, decision: 'allow', by: 'person', user: 'ann', ...change },
  }
}

export function ended(state: string, change: object = {}): Said {
  return { type: state, data: { sessionId: 'x', state, ...change } }
}

/** As a log: numbered from 1. */
export function logOf(events: readonly Said[]): ScriptedEvent[] {
  return events.map((event, index) => ({ seq: index + 1, ...event }))
}
