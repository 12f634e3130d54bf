/** An agent of your own: it speaks the Agent Client Protocol on its standard input and output, and needs no model. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import * as acp from '@agentclientprotocol/sdk'

const directories = new Map<string, string>()

acp
  .agent({ name: 'line-counter' })
  .onRequest('initialize', () => ({
    protocolVersion: acp.PROTOCOL_VERSION,
    agentInfo: { name: 'line-counter', version: '1.0.0' },
    agentCapabilities: {},
  }))
  .onRequest('session/new', ({ params }) => {
    const sessionId = randomUUID()
    directories.set(sessionId, params.cwd)
    return { sessionId }
  })
  .onRequest('session/prompt', async ({ params: { sessionId, prompt }, client }) => {
    const update = (update: acp.SessionUpdate) => client.notify('session/update', { sessionId, update })
    const say = (text: string) =>
      update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } })
    const file = prompt.map((block) => (block.type === 'text' ? block.text : '')).join('')
    const command = `wc -l ${file}`
    const toolCall = {
      toolCallId: randomUUID(),
      title: command,
      kind: 'execute',
      rawInput: { command },
    } as const
    await update({ sessionUpdate: 'tool_call', status: 'pending', ...toolCall })
    const question: acp.RequestPermissionRequest = {
      sessionId,
      toolCall,
      options: [
        { optionId: 'yes', name: 'Allow', kind: 'allow_once' },
        { optionId: 'no', name: 'Reject', kind: 'reject_once' },
      ],
    }
    const { outcome } = await client.request('session/request_permission', question)
    const end = (status: 'completed' | 'failed') =>
      update({ sessionUpdate: 'tool_call_update', toolCallId: toolCall.toolCallId, status })
    if (outcome.outcome === 'cancelled') return { stopReason: 'cancelled' }
    if (outcome.optionId !== 'yes') {
      await end('failed')
      await say(`I was not allowed to run: ${command}`)
      return { stopReason: 'end_turn' }
    }
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: directories.get(sessionId) })
    await end('completed')
    await say(stdout)
    return { stopReason: 'end_turn' }
  })
  .connect(
    acp.ndJsonStream(
      Writable.toWeb(process.stdout) as WritableStream<Uint8Array>,
      Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    ),
  )
