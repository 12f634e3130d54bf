/** The conversation of the scripted agent: it does what the lines of a prompt say (`deeds.ts`), one after another. */
import { randomUUID } from 'node:crypto'
import * as acp from '@agentclientprotocol/sdk'
import { Cancelled, type Client, doLine } from './deeds.ts'
import { type Conversation, keep, recall } from './memory.ts'
import type { Trait } from './traits.ts'

const modeIds = ['yolo', 'default']

export function scriptedAgent(traits: ReadonlySet<Trait>): acp.AgentApp {
  const open = new Map<string, Conversation>()
  const turns = new Map<string, AbortController>()
  const known = (id: string): Conversation => {
    const conversation = open.get(id) ?? recall(id)
    if (conversation === null) throw acp.RequestError.sessionNotFound(id)
    open.set(id, conversation)
    return conversation
  }
  const modes = ({ mode }: Conversation) =>
    traits.has('modeless')
      ? {}
      : { modes: { currentModeId: mode, availableModes: modeIds.map((id) => ({ id, name: id })) } }

  return acp
    .agent({ name: 'scripted' })
    .onRequest('initialize', () => ({
      protocolVersion: traits.has('newer') ? 2 : 1,
      agentInfo: { name: 'scripted-agent', version: '1.0.0' },
      agentCapabilities: {
        loadSession: !traits.has('forgets'),
        sessionCapabilities: traits.has('loads') || traits.has('forgets') ? {} : { resume: {} },
      },
    }))
    .onRequest('session/new', () => {
      if (traits.has('locked')) throw acp.RequestError.authRequired(undefined, 'run "scripted login"')
      const conversation = { id: randomUUID(), mode: 'yolo', prompts: [] }
      open.set(conversation.id, conversation)
      keep(conversation)
      return { sessionId: conversation.id, ...modes(conversation) }
    })
    .onRequest('session/resume', ({ params }) => modes(known(params.sessionId)))
    .onRequest('session/load', async ({ params: { sessionId }, client }) => {
      const conversation = known(sessionId)
      for (const text of conversation.prompts) {
        const content = { type: 'text' as const, text }
        await client.notify('session/update', {
          sessionId,
          update: { sessionUpdate: 'user_message_chunk', content },
        })
      }
      return modes(conversation)
    })
    .onRequest('session/set_mode', ({ params }) => {
      known(params.sessionId).mode = params.modeId
      return {}
    })
    .onRequest('session/prompt', async ({ params, client }) => {
      const conversation = known(params.sessionId)
      const text = params.prompt.map((block) => (block.type === 'text' ? block.text : '')).join('')
      conversation.prompts.push(text)
      keep(conversation)
      const turn = new AbortController()
      turns.set(conversation.id, turn)
      try {
        const to: Client = { client, conversation, cut: turn.signal }
        for (const line of text.split('\n')) {
          const stopReason = await doLine(line.trim(), to)
          if (stopReason !== undefined) return { stopReason }
        }
        return { stopReason: 'end_turn', usage: { inputTokens: 10, outputTokens: 2 } } as acp.PromptResponse
      } catch (error) {
        if (error instanceof Cancelled) return { stopReason: 'cancelled' }
        throw error
      }
    })
    .onNotification('session/cancel', ({ params }) => {
      if (!traits.has('stubborn')) turns.get(params.sessionId)?.abort()
    })
}
