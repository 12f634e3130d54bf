/** A server that answers each request as the test says, byte by byte if need be. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export interface HostileServer {
  url: string
  /** What was asked, oldest first. */
  requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[]
  /** Answers the next requests, one after the other. The last one answers all that follow. */
  answers: Answer[]
  close(): Promise<void>
}

export async function hostileServer(answers: Answer[] = []): Promise<HostileServer> {
  const requests: HostileServer['requests'] = []
  const server: Server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
    const answer = hostile.answers.length > 1 ? hostile.answers.shift() : hostile.answers[0]
    if (answer === undefined) throw new Error('no answer was given')
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const hostile: HostileServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answers,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return hostile
}

export interface LogEntry {
  seq: number
  type: string
  data: unknown
}

export function frame({ seq, type, data }: LogEntry): string {
  return `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
}

/** A job's log: what it wrote, with text that is long in UTF-8, and its end. */
export function jobLog(lines = 3): LogEntry[] {
  const output = Array.from({ length: lines }, (_, n) => ({
    line: `línea ${n} 🎉`,
    timestamp: n,
    stream: 'stdout',
  }))
  const middle = output.map((data) => ({ type: 'output', data }))
  return [{ type: 'run:queued', data: {} }, ...middle, { type: 'complete', data: { exitCode: 0 } }].map(
    (entry, index) => ({ seq: index + 1, ...entry }),
  )
}

/** The log after the cursor that the request names, as a server serves it. `change` may spoil the bytes. */
export function serving(
  log: readonly LogEntry[],
  change: (bytes: Buffer, response: ServerResponse) => void = (bytes, response) => response.end(bytes),
  epoch = 'e1',
): Answer {
  return (request, response) => {
    const after = Number(request.headers['last-event-id'] ?? 0)
    const rest = log.filter(({ seq }) => seq > after)
    if (rest.length === 0) {
      response.writeHead(204, { 'Millrace-Epoch': epoch }).end()
      return
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Millrace-Epoch': epoch })
    change(Buffer.from(rest.map(frame).join('')), response)
  }
}

export function refusing(status: number, headers: Record<string, string> = {}, body = ''): Answer {
  return (_request, response) => void response.writeHead(status, headers).end(body)
}

/** Cuts the connection without an answer. */
export const cutting: Answer = (request) => void request.socket.destroy()
