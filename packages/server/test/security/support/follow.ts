/** A follower over a connection of its own, which keeps everything it was sent. */
import { get, type IncomingHttpHeaders } from 'node:http'
import { until } from '@millrace/test-support/until'
import { createParser, type EventSourceMessage } from 'eventsource-parser'

export interface Followed {
  status: number
  headers: IncomingHttpHeaders
  events: EventSourceMessage[]
  text: () => string
  /** Resolves when this many events are there. */
  has: (count: number) => Promise<void>
  /** Settles when the answer has ended (`end`), or its connection broke (`cut`). */
  over: Promise<'end' | 'cut'>
  close: () => void
}

export function follow(url: string, headers: Record<string, string> = {}): Promise<Followed> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, agent: false }, (response) => {
      let text = ''
      const events: EventSourceMessage[] = []
      const parser = createParser({ onEvent: (event) => events.push(event) })
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        parser.feed(chunk)
      })
      const over = new Promise<'end' | 'cut'>((settle) => {
        response.once('end', () => settle('end'))
        response.once('error', () => settle('cut'))
        response.once('close', () => settle('cut'))
      })
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        events,
        text: () => text,
        has: async (count) => {
          await until(() => events.length >= count)
        },
        over,
        close: () => request.destroy(),
      })
    })
    request.on('error', reject)
  })
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
