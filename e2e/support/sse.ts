/** A plain SSE client over node:http that keeps every byte it was sent. */
import { get, type IncomingMessage } from 'node:http'
import { createParser } from 'eventsource-parser'

export interface ReceivedEvent {
  id: string | undefined
  type: string
  data: string
}

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
        const events: ReceivedEvent[] = []
        const waiting = new Set<() => void>()
        const decoder = new TextDecoder()
        const parser = createParser({
          onEvent: ({ id, event, data }) => {
            const received = { id, type: event ?? 'message', data }
            events.push(received)
            onEvent?.(received)
          },
        })
        const tell = () => {
          for (const check of waiting) check()
        }
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          parser.feed(decoder.decode(chunk, { stream: true }))
          tell()
        })
        const over = new Promise<'end' | 'cut'>((settle) => {
          response.on('end', () => settle('end'))
          response.on('error', () => settle('cut'))
          response.on('close', () => settle('cut'))
        })
        const until: SseConnection['until'] = (wanted) =>
          new Promise((found, missed) => {
            const check = () => {
              const event = events.find(wanted)
              if (event === undefined) return
              waiting.delete(check)
              found(event)
            }
            waiting.add(check)
            check()
            void over.then(() => {
              check()
              if (waiting.has(check)) missed(new Error('the stream ended without the event'))
            })
          })
        resolve({
          response,
          events,
          bytes: () => Buffer.concat(chunks),
          over,
          until,
          close: () => request.destroy(),
        })
      },
    )
    request.on('error', reject)
  })
}
