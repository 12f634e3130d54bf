/**
 * The connection to an agent's process: its pipes as the stream of messages that the SDK works on.
 *
 * Updates do not pass the SDK. It starts a handler for each message and waits for none, so that the answer to a prompt
 * could overtake the last updates of its turn; here they are passed on in the order in which they were written. The SDK
 * also drops the fields that it does not know, and the log is to have all of them.
 *
 * Owns: what the agent has not read yet, and the ids of our open requests. Invariants: the process waits while there is no
 * room for what it says; answers to questions that nobody asked go nowhere; after `cut()` nothing is passed on.
 */
import type { Readable } from 'node:stream'
import type { AnyMessage, Stream } from '@agentclientprotocol/sdk'
import type { SandboxedProcess } from '@millrace/sandbox'
import { depthMax, type Envelope, valuesMax } from '#agents/modest-line'
import { JsonLines, type JsonRecord, recordOf } from './lines.ts'
import { invalidParams } from './refusal.ts'

export interface WireParts {
  process: Pick<SandboxedProcess, 'stdin' | 'stdout'>
  /** Parameters of a `session/update`. `chars`: about their length. */
  update(params: JsonRecord, chars: number): void
  /** The result of a prompt, before the SDK has reduced it to what it knows. */
  answered(result: JsonRecord): void
  /** The process said anything at all. */
  heard(): void
  redact(line: string): string
  stray(line: string): void
  broken(why: string): void
  /** What must settle before more is read; null if there is room. */
  room(): Promise<unknown> | null
}

/** The bound of all messages together, so that an agent's share of the store is bounded. */
const outputCharsMax = 1024 ** 3
/** The bound of what the agent leaves unread. */
const unreadBytesMax = 16 * 1024 ** 2

const immodesty = `a message may be nested ${depthMax} deep, and have ${valuesMax} values`

export class Wire {
  readonly stream: Stream
  readonly #parts: WireParts
  readonly #open = new Map<unknown, string>()
  readonly #cutting = Promise.withResolvers<void>()
  #readable: ReadableStreamDefaultController<AnyMessage> | null = null
  #isCut = false
  #holding = false
  #output = 0

  constructor(parts: WireParts) {
    this.#parts = parts
    const readable = new ReadableStream<AnyMessage>({
      start: (controller) => {
        this.#readable = controller
      },
    })
    const writable = new WritableStream<AnyMessage>({ write: (message) => this.#write(message) })
    this.stream = { readable, writable }
    this.#read(parts.process.stdout)
    // That the process is gone is known from its exit.
    parts.process.stdin.on('error', () => {})
  }

  /** From here on nothing is passed on; what the process still says is read and forgotten. */
  cut(): void {
    this.#isCut = true
    this.#cutting.resolve()
    this.#close()
  }

  #read(stdout: Readable): void {
    const lines = new JsonLines({
      redact: (line) => this.#parts.redact(line),
      message: (message, chars) => this.#take(message, chars),
      stray: (line) => this.#parts.stray(line),
      immodest: (envelope) => this.#refuse(envelope),
      broken: (why) => this.#parts.broken(why),
    })
    stdout.setEncoding('utf8')
    stdout.on('data', (text: string) => {
      if (this.#isCut) return
      this.#parts.heard()
      this.#output += text.length
      if (this.#output > outputCharsMax) this.#parts.broken('more than a gigabyte')
      else lines.push(text)
      void this.#hold(stdout)
    })
    stdout.on('error', () => {})
    stdout.once('close', () => this.#close())
  }

  #take(message: JsonRecord, chars: number): void {
    if (this.#isCut) return
    if (message.method === 'session/update' && !('id' in message)) {
      const params = recordOf(message.params)
      if (params !== null) this.#parts.update(params, chars)
      return
    }
    if (!('method' in message)) {
      const method = this.#open.get(message.id)
      if (method === undefined) return
      this.#open.delete(message.id)
      const result = recordOf(message.result)
      if (method === 'session/prompt' && result !== null) this.#parts.answered(result)
    }
    this.#readable?.enqueue(message as AnyMessage)
  }

  /** A question is answered with an error; an answer is one to us. */
  #refuse({ id, method }: Envelope): void {
    if (this.#isCut || id === undefined) return
    const error = { code: invalidParams, message: immodesty }
    const answer = { jsonrpc: '2.0', id, error } as const
    if (method !== undefined) void this.#write(answer)
    else if (this.#open.delete(id)) this.#readable?.enqueue(answer)
  }

  async #write(message: AnyMessage): Promise<void> {
    const { stdin } = this.#parts.process
    const { id, method } = message as { id?: unknown; method?: unknown }
    if (typeof method === 'string' && id !== undefined) this.#open.set(id, method)
    if (stdin.destroyed || stdin.writableEnded) return
    if (stdin.writableLength > unreadBytesMax) {
      this.#parts.broken('requests whose answers it does not read')
      return
    }
    stdin.write(`${JSON.stringify(message)}\n`)
  }

  /** Pauses the process until there is room for more. */
  async #hold(source: Readable): Promise<void> {
    if (this.#holding) return
    this.#holding = true
    while (!this.#isCut) {
      const full = this.#parts.room()
      if (full === null) break
      source.pause()
      await Promise.race([full.catch(() => {}), this.#cutting.promise])
    }
    this.#holding = false
    source.resume()
  }

  #close(): void {
    try {
      this.#readable?.close()
    } catch {
      // It was closed before.
    }
    this.#readable = null
  }
}
