/** Calls of the native API (docs/protocol.md), as the command line makes them. */
import type { z } from 'zod'
import type { Server } from './connect.ts'
import { exitCodes } from './exit-codes.ts'
import { CliError } from './terminal.ts'

/** Nobody answered: not there, restarting, or cut off. */
export class Unreachable extends CliError {
  constructor(server: Server, cause: unknown) {
    super(`${server.url} does not answer: ${reasonOf(cause)}`, exitCodes.unavailable)
  }
}

/** The server answered and refused. */
export class Refused extends CliError {
  readonly status: number

  constructor(status: number, message: string) {
    super(message, exitCodes.unavailable)
    this.status = status
  }
}

export function runPath(runId: string): string {
  return `/api/runs/${encodeURIComponent(runId)}`
}

interface Call {
  method?: 'GET' | 'POST'
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** A JSON answer in the shape asked for. Fails with `Unreachable` or `Refused`. */
export async function callJson<T>(
  server: Server,
  path: string,
  schema: z.ZodType<T>,
  call: Call = {},
): Promise<T> {
  const response = await send(server, path, {
    ...call,
    headers: { accept: 'application/json', ...call.headers },
  })
  if (!response.ok) throw await refusal(response)
  const parsed = schema.safeParse(await response.json().catch(() => undefined))
  if (parsed.success) return parsed.data
  throw new Refused(response.status, `${server.url}${path} did not answer as a Millrace server does`)
}

/** The answer itself, whatever its status. Fails with `Unreachable`, or as `signal` says. */
export async function send(server: Server, path: string, call: Call = {}): Promise<Response> {
  const { method = 'GET', body, headers, signal } = call
  try {
    return await fetch(`${server.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${server.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      // A redirect would send the token, or a POST, to a place that nobody named.
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw new Unreachable(server, error)
  }
}

/** Reads a refusal in any shape: problem details, or the words of a proxy. */
export async function refusal(response: Response): Promise<Refused> {
  const problem = (await response.json().catch(() => null)) as {
    detail?: unknown
    errors?: unknown
  } | null
  const detail = typeof problem?.detail === 'string' ? problem.detail : undefined
  const fields = Array.isArray(problem?.errors)
    ? (problem.errors as { path: string; expected: string }[])
    : []
  const lines = fields
    // Most sentences name the field and what is wrong with it.
    .filter(({ path, expected }) => !(detail?.includes(path) && detail.includes(expected)))
    .map(({ path, expected }) => `\n  ${path}: ${expected}`)
  return new Refused(
    response.status,
    `${detail ?? `the server answered ${response.status} ${response.statusText}`}${lines.join('')}`,
  )
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  const code = (cause as { code?: unknown } | null)?.code
  if (code === 'ECONNREFUSED') return 'nothing listens there'
  return cause instanceof Error ? cause.message || String(code) : String(cause)
}
