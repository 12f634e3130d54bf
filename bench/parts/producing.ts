/** One producer of a benchmark: its batches, when each was due, and what the run's log has in the end. */
import { once } from 'node:events'
import { type Agent, type IncomingMessage, request } from 'node:http'

export interface Server {
  port: number
  token: string
}

export interface Answer {
  status: number
  body: Record<string, unknown>
}

export async function call(
  { port, token }: Server,
  agent: Agent,
  method: string,
  path: string,
  body?: object,
): Promise<Answer> {
  const content = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    Authorization: `Bearer ${token}`,
    Accept: 'application/json',
    ...(body === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) }),
  }
  const sent = request({ agent, port, host: '127.0.0.1', method, path, headers })
  sent.end(content)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { status: response.statusCode ?? 0, body: JSON.parse(text) }
}

export async function begin(server: Server, agent: Agent, n: number): Promise<string> {
  const body = { kind: 'external', title: `producer ${n}` }
  const answer = await call(server, agent, 'POST', '/api/runs', body)
  if (answer.status !== 201) throw new Error(`the run was refused: ${JSON.stringify(answer)}`)
  return (answer.body.run as { id: string }).id
}

/** The token of a run, as a program elsewhere has it. */
export async function tokenOf(server: Server, agent: Agent, id: string): Promise<string> {
  const answer = await call(server, agent, 'POST', `/api/runs/${id}/token`)
  if (answer.status !== 201) throw new Error(`the token was refused: ${JSON.stringify(answer)}`)
  return answer.body.token as string
}

export interface Found {
  /** Events that were acknowledged and are not in the log. */
  lost: number
  /** Events that are in the log twice, or out of order. */
  twice: number
}

const pageEvents = 10_000

/** Holds the log of a run against the events that were acknowledged: the numbers 1 to `sent`. */
export async function check(server: Server, agent: Agent, id: string, sent: number): Promise<Found> {
  let last = 0
  let found = 0
  let twice = 0
  for (let after = 0, head = 1; after < head; ) {
    const path = `/api/runs/${id}/events?after=${after}&limit=${pageEvents}`
    const { status, body } = await call(server, agent, 'GET', path)
    if (status !== 200) throw new Error(`the log was refused: ${JSON.stringify(body)}`)
    const events = body.events as { seq: number; type: string; data: { line?: string } }[]
    head = body.head as number
    after = events.at(-1)?.seq ?? head
    for (const { type, data } of events) {
      if (type !== 'output') continue
      const n = Number.parseInt(data.line ?? '', 10)
      if (n > last) found += 1
      else twice += 1
      last = Math.max(last, n)
    }
  }
  return { lost: sent - found, twice }
}
