/** Where the server is, who the caller is, and one request to it. */
import { ClientError, refusalOf, unreachable } from './errors.ts'

type Given<T> = T | (() => T | Promise<T>)

export interface Connection {
  /**
   * Where the server is, with the path it is served below, if any. A function is asked again for each request, for
   * a server whose address may change.
   */
  url: Given<string | URL>
  /** A bearer token. A function is asked again for each request. Without one, the browser's cookie is sent. */
  token?: Given<string | undefined>
  /** Further header fields. */
  headers?: Given<Record<string, string>>
  /** Default: the runtime's own. */
  fetch?: typeof fetch
  /** Default: the runtime's own; in browsers `same-origin`. */
  credentials?: RequestInit['credentials']
}

export interface ApiRequest {
  method?: string
  path: string
  query?: Record<string, string | number | undefined>
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

const given = <T>(value: Given<T>): T | Promise<T> =>
  typeof value === 'function' ? (value as () => T | Promise<T>)() : value

/** The answer, whatever its status. Fails with `unreachable`, or with the reason of `signal`. */
export async function send(connection: Connection, request: ApiRequest): Promise<Response> {
  const { signal } = request
  const preparing = unlessAborted(prepare(connection, request), signal)
  const { base, url, init } = await preparing.catch((error: unknown) => {
    if (signal?.aborted) throw signal.reason
    throw error instanceof ClientError ? error : unreachable('The request could not be made', error)
  })
  try {
    return await (connection.fetch ?? fetch)(url, init)
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw unreachable(`${base} does not answer`, error)
  }
}

/** Whatever the caller's own functions wait for, its signal ends the wait. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

async function prepare(
  connection: Connection,
  { method = 'GET', path, query = {}, body, headers, signal }: ApiRequest,
): Promise<{ base: string; url: URL; init: RequestInit }> {
  const base = String(await given(connection.url)).replace(/\/+$/, '')
  const url = new URL(base + path)
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, String(value))
  const token = await given(connection.token)
  const init: RequestInit = {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(await given(connection.headers)),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
    // A redirect would take the token, or a POST, to a place that nobody named. (`error` is not known everywhere.)
    redirect: 'manual',
    ...(connection.credentials === undefined ? {} : { credentials: connection.credentials }),
    signal: signal ?? null,
  }
  return { base, url, init }
}

/** The body of the answer. Fails with a `ClientError` for every answer but a good one in JSON. */
export async function call<T>(connection: Connection, request: ApiRequest): Promise<T> {
  const response = await send(connection, request)
  if (!response.ok) {
    const refusal = await refusalOf(response, Date.now())
    throw request.signal?.aborted ? request.signal.reason : refusal
  }
  if (response.status === 204) return undefined as T
  const type = response.headers.get('content-type') ?? ''
  try {
    if (!type.includes('json')) throw new TypeError(`the answer is ${type || 'of no type'}`)
    return (await response.json()) as T
  } catch (error) {
    if (request.signal?.aborted) throw request.signal.reason
    throw new ClientError('bad_answer', `${response.url} did not answer as a Millrace server does`, {
      status: response.status,
      cause: error,
    })
  }
}
