/** Calls a scripted model the way any client of the Messages API would. */
import { createParser } from 'eventsource-parser'

export interface StreamedEvent {
  type: string
  [field: string]: unknown
}

export interface Turn {
  role: string
  content: unknown
}

export function prompt(text: string): Turn {
  return { role: 'user', content: text }
}

export function ask(
  url: string,
  messages: Turn[],
  more: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'some-model', max_tokens: 10, messages, ...more }),
  })
}

/** Returns the events of a stream, up to its end or until `enough`. Rejects if the connection breaks. */
export async function readEvents(
  response: Response,
  enough: (events: StreamedEvent[]) => boolean = () => false,
): Promise<StreamedEvent[]> {
  const events: StreamedEvent[] = []
  const parser = createParser({ onEvent: ({ data }) => events.push(JSON.parse(data) as StreamedEvent) })
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    if (enough(events)) return events
  }
  return events
}

export async function streamed(url: string, messages: Turn[]): Promise<StreamedEvent[]> {
  return readEvents(await ask(url, messages, { stream: true }))
}

/** Returns the joined texts of all deltas. */
export function textOf(events: StreamedEvent[]): string {
  return events.map(({ delta }) => (delta as { text?: string } | undefined)?.text ?? '').join('')
}
