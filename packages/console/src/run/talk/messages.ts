/** Messages to a run at work, as the server takes them (docs/protocol.md#3-native-face). */
import { call } from '@millrace/client'
import type { MessageMode } from '@millrace/protocol'
import { serverUrl } from '#app/address.ts'

const server = { url: serverUrl }
const pathOf = (runId: string, then = '') => `/api/runs/${encodeURIComponent(runId)}/messages${then}`

/** Whether this server takes messages at all. */
export async function takesMessages(runId: string, signal: AbortSignal): Promise<boolean> {
  try {
    await call(server, { path: pathOf(runId), signal })
    return true
  } catch {
    return false
  }
}

export function sendMessage(runId: string, text: string, mode: MessageMode): Promise<{ messageId: string }> {
  return call(server, { method: 'POST', path: pathOf(runId), body: { text, mode } })
}

export function withdrawMessage(runId: string, messageId: string): Promise<unknown> {
  return call(server, { method: 'DELETE', path: pathOf(runId, `/${encodeURIComponent(messageId)}`) })
}
