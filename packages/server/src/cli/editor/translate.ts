/**
 * From the events of a session to the updates of the Agent Client Protocol that an editor shows. Events of an agent that speaks
 * the protocol are such updates; the messages of the built-in agent become them.
 *
 * Owns: whether the answer that is being written was streamed. Its text is then not sent again when it comes whole.
 */
import type { SessionUpdate, ToolCallContent, ToolKind } from '@agentclientprotocol/sdk'
import { messageTypes } from '@millrace/protocol'
import { callInLine } from '@millrace/protocol/view'

export interface SessionEvent {
  type: string
  data: unknown
}

type Data = Record<string, unknown>

export class Translator {
  #streamed = false
  #cwd: string | undefined

  take({ type, data }: SessionEvent): SessionUpdate[] {
    const fields = recordOf(data)
    if (type.startsWith('acp:')) return ofAcp(fields)
    switch (type) {
      case 'system':
        if (fields.subtype === 'init' && typeof fields.cwd === 'string') this.#cwd = fields.cwd
        return []
      case 'stream_event':
        return this.#ofDelta(fields)
      case 'assistant':
        return this.#ofAnswer(fields)
      case 'user':
        return blocksOf(fields).flatMap(ofResult)
      case messageTypes.queued:
        return typeof fields.text === 'string' ? [said('user_message_chunk', fields.text)] : []
      default:
        return []
    }
  }

  #ofDelta({ parent_tool_use_id: parent, event }: Data): SessionUpdate[] {
    if (typeof parent === 'string') return []
    const { text, thinking } = recordOf(recordOf(event).delta)
    if (typeof text === 'string') {
      this.#streamed = true
      return [said('agent_message_chunk', text)]
    }
    return typeof thinking === 'string' ? [said('agent_thought_chunk', thinking)] : []
  }

  #ofAnswer(fields: Data): SessionUpdate[] {
    const isWhole = !this.#streamed && typeof fields.parent_tool_use_id !== 'string'
    return blocksOf(fields).flatMap((block): SessionUpdate[] => {
      const { type, text, id, name, input } = block
      if (type === 'text') this.#streamed = false
      if (type === 'text' && isWhole && typeof text === 'string') return [said('agent_message_chunk', text)]
      if (type !== 'tool_use' || typeof id !== 'string' || typeof name !== 'string') return []
      const content = contentOf(name, recordOf(input))
      return [
        {
          sessionUpdate: 'tool_call',
          toolCallId: id,
          title: callInLine(name, input, this.#cwd),
          kind: kinds[name] ?? 'other',
          status: 'in_progress',
          rawInput: input,
          ...(content.length === 0 ? {} : { content, locations: content.flatMap(placeOf) }),
        },
      ]
    })
  }
}

const kinds: Readonly<Record<string, ToolKind>> = {
  Bash: 'execute',
  Read: 'read',
  Write: 'edit',
  Edit: 'edit',
  Grep: 'search',
  Glob: 'search',
  WebSearch: 'search',
  WebFetch: 'fetch',
}

/** Reports of the server about the agent, which are no updates of the protocol. */
function ofAcp(fields: Data): SessionUpdate[] {
  const { sessionUpdate } = fields
  // What the user said is known from the messages.
  if (typeof sessionUpdate !== 'string' || sessionUpdate === 'user_message_chunk') return []
  return [fields as unknown as SessionUpdate]
}

function ofResult({ type, tool_use_id: id, content, is_error: failed }: Data): SessionUpdate[] {
  if (type !== 'tool_result' || typeof id !== 'string') return []
  const parts =
    typeof content === 'string' ? [{ text: content }] : (Array.isArray(content) ? content : []).map(recordOf)
  const text = parts.flatMap((part) => (typeof part.text === 'string' ? [part.text] : [])).join('\n')
  return [
    {
      sessionUpdate: 'tool_call_update',
      toolCallId: id,
      status: failed === true ? 'failed' : 'completed',
      ...(text === '' ? {} : { content: [{ type: 'content', content: { type: 'text', text } }] }),
    },
  ]
}

function contentOf(
  tool: string,
  { file_path: path, content, old_string: before, new_string: after }: Data,
): ToolCallContent[] {
  if (typeof path !== 'string') return []
  if (tool === 'Write' && typeof content === 'string') return [{ type: 'diff', path, newText: content }]
  if (tool === 'Edit' && typeof before === 'string' && typeof after === 'string')
    return [{ type: 'diff', path, oldText: before, newText: after }]
  return []
}

function placeOf(content: ToolCallContent): { path: string }[] {
  return content.type === 'diff' ? [{ path: content.path }] : []
}

export function said(
  sessionUpdate: 'user_message_chunk' | 'agent_message_chunk' | 'agent_thought_chunk',
  text: string,
): SessionUpdate {
  return { sessionUpdate, content: { type: 'text', text } }
}

function blocksOf({ message }: Data): Data[] {
  const { content } = recordOf(message)
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return Array.isArray(content) ? content.map(recordOf) : []
}

export function recordOf(value: unknown): Data {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Data) : {}
}
