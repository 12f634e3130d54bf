/** A client that shows the bytes of a stream as they arrive. */
import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  request,
} from 'node:http'
import { onTestFinished } from 'vitest'

export interface Frame {
  id: string | null
  event: string
  data: string
}

export class SseClient {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  text = ''
  ended = false
  aborted = false
  readonly response: IncomingMessage
  readonly #request: ClientRequest
  #changed: () => void = () => {}

  constructor(req: ClientRequest, response: IncomingMessage) {
    this.#request = req
    this.response = response
    this.status = response.statusCode ?? 0
    this.headers = response.headers
    response.setEncoding('utf8')
    response.on('data', (text: string) => {
      this.text += text
      this.#changed()
    })
    response.on('end', () => {
      this.ended = true
      this.#changed()
    })
    response.on('error', () => {})
    response.on('close', () => {
      this.aborted = !this.ended
      this.#changed()
    })
  }

  get frames(): Frame[] {
    return parseFrames(this.text)
  }

  get ids(): number[] {
    return this.frames.filter((frame) => frame.id !== null).map((frame) => Number(frame.id))
  }

  /** Resolves once the condition holds; a test's own time limit ends the wait. */
  async until(holds: (client: SseClient) => boolean): Promise<this> {
    while (!holds(this)) {
      if (this.ended || this.aborted)
        throw new Error(`the stream is over; it said:\n${this.text.slice(-2000)}`)
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
    return this
  }

  async end(): Promise<this> {
    while (!this.ended && !this.aborted) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
    return this
  }

  disconnect(): void {
    this.#request.destroy()
  }
}

export function parseFrames(text: string): Frame[] {
  const frames: Frame[] = []
  for (const block of text.split('\n\n').slice(0, -1)) {
    const lines = block.split('\n').filter((line) => !line.startsWith(':'))
    if (lines.length === 0) continue
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
    frames.push({ id: field('id') ?? null, event: field('event') ?? 'message', data: field('data') ?? '' })
  }
  return frames
}

export async function open(url: string, options: RequestOptions = {}): Promise<SseClient> {
  return await new Promise((resolve, reject) => {
    const req = request(url, { agent: false, ...options }, (response) =>
      resolve(new SseClient(req, response)),
    )
    req.on('error', reject)
    onTestFinished(() => {
      req.destroy()
    })
    req.end()
  })
}
