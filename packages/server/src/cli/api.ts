/** Calls of the native API (docs/protocol.md#3-native-face), as the command line makes them. */
import { type ApiRequest, ClientError, call } from '@millrace/client'
import { messageOf } from '@millrace/protocol'
import type { z } from 'zod'
import type { Server } from './connect.ts'

export function runPath(runId: string): string {
  return `/api/runs/${encodeURIComponent(runId)}`
}

/** A JSON answer in the shape asked for. Fails with a `ClientError`. */
export async function callJson<T>(
  server: Server,
  path: string,
  schema: z.ZodType<T>,
  request: Pick<ApiRequest, 'method' | 'body'> = {},
): Promise<T> {
  const parsed = schema.safeParse(await call(server, { ...request, path }))
  if (parsed.success) return parsed.data
  throw new ClientError('bad_answer', `${server.url}${path} did not answer as a Millrace server does`)
}

/** What went wrong, for a person: the most frequent cause in words instead of the system's code. */
export function explain(error: unknown): string {
  let message = messageOf(error)
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause) {
    const { code, message: said } = inner as Error & { code?: unknown }
    if (code === 'ECONNREFUSED') message = message.replace(said, 'nothing listens there')
  }
  // The fields at fault, below the sentence.
  return message.replaceAll('\n', '\n  ')
}
