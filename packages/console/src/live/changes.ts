/** The stream of changes of runs (docs/protocol.md#7-realtime). */
import { type Connection, call, framesOf, refusalOf, send, systemClock } from '@millrace/client'
import type { Run } from '@millrace/protocol'

export interface RunChange {
  action: 'create' | 'update' | 'delete'
  run: Run
}

const path = '/api/realtime'
const topic = 'runs/*'
/** The server pings every 30 s. */
const silenceMs = 75_000

/**
 * One connection: the changes of all runs that the caller may see, from when `onOpen` is called. Ends when the server ends it;
 * fails with a `ClientError`.
 */
export async function* changesOf(
  connection: Connection,
  { signal, onOpen }: { signal: AbortSignal; onOpen(): void },
): AsyncGenerator<RunChange, void, void> {
  const response = await send(connection, { path, headers: { accept: 'text/event-stream' }, signal })
  if (!response.ok) throw await refusalOf(response, Date.now())
  for await (const { type, data } of framesOf(response, silenceMs, systemClock)) {
    if (type === 'PB_CONNECT') {
      const { clientId } = JSON.parse(data) as { clientId: string }
      await call(connection, { method: 'POST', path, body: { clientId, subscriptions: [topic] }, signal })
      onOpen()
    } else if (type === topic) {
      const { action, record } = JSON.parse(data) as { action: RunChange['action']; record: Run }
      yield { action, run: record }
    }
  }
}
