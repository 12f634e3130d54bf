/**
 * Bytes ready for a stream, laid out once for both ways of sending them: `chunked` is a whole HTTP/1.1
 * chunk (RFC 9112 section 7.1), `bodyOf` the part of the same memory without the chunk's framing.
 */
export interface Chunk {
  readonly chunked: Buffer
  /** Where the body starts. */
  readonly start: number
  /** Bytes of the body. */
  readonly length: number
}

/** Lays out one chunk; `fill` writes exactly `length` bytes, starting at `offset`. */
export function buildChunk(length: number, fill: (target: Buffer, offset: number) => void): Chunk {
  const head = `${length.toString(16)}\r\n`
  // Not from the shared pool: a few bytes kept in a ring would keep a whole slab alive.
  const chunked = Buffer.allocUnsafeSlow(head.length + length + 2)
  chunked.write(head, 0, 'latin1')
  fill(chunked, head.length)
  chunked.write('\r\n', head.length + length, 'latin1')
  return { chunked, start: head.length, length }
}

export function bodyOf(chunk: Chunk): Buffer {
  return chunk.chunked.subarray(chunk.start, chunk.start + chunk.length)
}

export function textChunk(text: string): Chunk {
  return buildChunk(Buffer.byteLength(text), (target, offset) => target.write(text, offset))
}
