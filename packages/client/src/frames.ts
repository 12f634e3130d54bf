/** One event stream, read frame by frame (WHATWG HTML, section 9.2). */
import { createParser } from 'eventsource-parser'
import type { Clock } from './clock.ts'
import { ClientError, unreachable } from './errors.ts'

export interface Frame {
  id: string | undefined
  type: string
  data: string
}

/** Larger than any event that a server may send (`limits.eventBytes` is at most 64 MiB). */
const bufferCharsMax = 80 * 1024 * 1024

/**
 * The frames of a response, as they arrive. Nothing is read ahead while the caller is busy. Ends at a clean end of
 * the stream. Fails with `unreachable` when the connection breaks, or when nothing, not even a heartbeat, arrives
 * for `silenceMs`: a connection may die without a word. `onBytes` is called for whatever arrives.
 */
export async function* framesOf(
  response: Response,
  silenceMs: number,
  clock: Clock,
  onBytes: () => void = () => {},
): AsyncGenerator<Frame, void, void> {
  if (response.body === null) return
  let frames: Frame[] = []
  let tooLong = false
  const parser = createParser({
    maxBufferSize: bufferCharsMax,
    onEvent: ({ id, event, data }) => frames.push({ id, type: event ?? 'message', data }),
    onError: ({ type }) => {
      tooLong ||= type === 'max-buffer-size-exceeded'
    },
  })
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  try {
    while (true) {
      const { done, value } = await unlessSilent(reader.read(), silenceMs, clock)
      if (done) return
      onBytes()
      parser.feed(decoder.decode(value, { stream: true }))
      if (tooLong) throw new ClientError('bad_answer', 'The server sent a frame without an end')
      yield* frames
      frames = []
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

/** What the server sends next. Fails with a `ClientError`, also when nothing arrives for `silenceMs`. */
export function unlessSilent<T>(reading: Promise<T>, silenceMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(error instanceof ClientError ? error : unreachable('The connection was lost', error))
    const cancel = clock.after(silenceMs, () =>
      fail(new Error(`nothing arrived for ${Math.round(silenceMs / 1000)} s`)),
    )
    reading.then(resolve, fail).finally(cancel)
  })
}
