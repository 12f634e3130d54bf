/** One SSE answer, read frame by frame. */
import { createParser } from 'eventsource-parser'

export interface Frame {
  id: string | undefined
  type: string
  data: string
  /** When its last byte came, in milliseconds that never go back. */
  arrivedAt: number
}

/** The connection is of no more use; another one may be. */
export class StreamLost extends Error {
  override readonly name = 'StreamLost'
}

/** Larger than any event a server may send (`limits.eventBytes` is at most 64 MiB). */
const maxBufferSize = 80 * 1024 * 1024

/**
 * The frames of a response, as they arrive; nothing is read ahead while the caller is busy. Fails with
 * `StreamLost` when the connection breaks, or when no byte, not even a heartbeat, comes for `idleMs`:
 * a connection may die without a word.
 */
export async function* framesOf(response: Response, idleMs: number): AsyncGenerator<Frame, void, void> {
  if (response.body === null) return
  let frames: Frame[] = []
  let broken: Error | undefined
  const parser = createParser({
    maxBufferSize,
    onEvent: ({ id, event, data }) =>
      frames.push({ id, type: event ?? 'message', data, arrivedAt: performance.now() }),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') broken = error
    },
  })
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  try {
    while (true) {
      const chunk = await within(idleMs, reader.read())
      if (chunk.done) return
      parser.feed(decoder.decode(chunk.value, { stream: true }))
      if (broken !== undefined) throw broken
      yield* frames
      frames = []
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no sign of life for ${Math.round(ms / 1000)} s`)), ms)
  })
  try {
    return await Promise.race([promise, silence])
  } catch (error) {
    throw new StreamLost(error instanceof Error ? reasonOf(error) : String(error))
  } finally {
    clearTimeout(timer)
  }
}

/** `fetch` says "terminated" and puts what happened into the cause. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message
}
