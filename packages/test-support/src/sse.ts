/** A plain SSE client over node:http that keeps every byte it was sent. */
import { get, type IncomingMessage } from 'node:http'
import { createParser } from 'eventsource-parser'
import { Received, type ReceivedEvent } from './received.ts'

export type { ReceivedEvent } from './received.ts'

export interface SseConnection {
  response: IncomingMessage
  events: ReceivedEvent[]
  /** Everything received, comments included. */
  bytes: () => Buffer
  /** Settles when the server has ended the stream (`end`) or the connection broke (`cut`). */
  over: Promise<'end' | 'cut'>
  /** Resolves with the first event that passes, also one received earlier. */
  until: (wanted: (event: ReceivedEvent) => boolean) => Promise<ReceivedEvent>
  close: () => void
}

export function connect(
  url: string,
  headers: Record<string, string>,
  onEvent?: (event: ReceivedEvent) => void,
): Promise<SseConnection> {
  return new Promise((resolve, reject) => {
    const request = get(
      url,
      { headers: { Accept: 'text/event-stream', ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        const received = new Received()
        const decoder = new TextDecoder()
        const parser = createParser({
          onEvent: ({ id, event, data }) => {
            const parsed = { id, type: event ?? 'message', data }
            received.add(parsed)
            onEvent?.(parsed)
          },
        })
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          parser.feed(decoder.decode(chunk, { stream: true }))
        })
        const over = new Promise<'end' | 'cut'>((settle) => {
          response.on('end', () => settle('end'))
          response.on('error', () => settle('cut'))
          response.on('close', () => settle('cut'))
        })
        void over.then(() => received.end())
        resolve({
          response,
          events: received.events,
          bytes: () => Buffer.concat(chunks),
          over,
          until: (wanted) => received.until(wanted),
          close: () => request.destroy(),
        })
      },
    )
    request.on('error', reject)
  })
}

/** The frames of a stream as text, each without the blank line that ends it; comments and a half frame at the end left out. */
export function framesOf(bytes: Buffer): string[] {
  return bytes
    .toString('utf8')
    .split('\n\n')
    .slice(0, -1)
    .filter((frame) => !frame.startsWith(':'))
}

export function idOf(frame: string): string | undefined {
  return /^id: (.*)$/m.exec(frame)?.[1]
}
