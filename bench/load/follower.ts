/**
 * One follower: a raw socket and the number of the last event that came.
 *
 * Reads marks and nothing else, out of one buffer that all followers share, so that the load client is
 * not what is measured. Loosely it looks at the first and the last mark received; strictly it
 * looks at every one, and counts those that are missing or came again.
 */
import { connect, type Socket } from 'node:net'
import { markEnd, markLength, markStart, nowMicros, numberAt, timeAt } from '../printer/marker.ts'
import type { Latencies } from './latencies.ts'

export interface FollowerOptions {
  port: number
  /** The whole request. */
  request: string
  strict: boolean
  /** The number before the first one that is to come; null: whatever comes first. */
  after: number | null
  latencies: Latencies
  /** Bytes of the answer came for the first time: the stream is open, if `ok`. */
  onOpen(ok: boolean): void
  onEvents(follower: Follower): void
  /** `open`: its stream had been open. */
  onClose(open: boolean): void
}

const shared = Buffer.allocUnsafeSlow(256 * 1024)

export class Follower {
  last: number
  lost = 0
  repeated = 0
  bytes = 0
  private readonly options: FollowerOptions
  private readonly socket: Socket
  /** Strict: the end of the last chunk, where a mark may have been cut in two. */
  private rest = Buffer.alloc(0)
  private opened = false
  private ok = false
  private first: boolean

  constructor(options: FollowerOptions) {
    this.options = options
    this.first = options.after === null
    this.last = options.after ?? 0
    this.socket = connect({
      port: options.port,
      host: '127.0.0.1',
      onread: {
        buffer: shared,
        callback: (length, buffer) => {
          this.take(buffer.subarray(0, length))
          return true
        },
      },
    })
    this.socket.setNoDelay(true)
    this.socket.once('connect', () => this.socket.write(options.request))
    this.socket.on('error', () => {})
    this.socket.once('close', () => {
      if (!this.opened) options.onOpen(false)
      options.onClose(this.ok)
    })
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  close(): void {
    this.socket.destroy()
  }

  private take(chunk: Uint8Array): void {
    this.bytes += chunk.length
    if (!this.opened) {
      this.opened = true
      this.ok = Buffer.from(chunk.subarray(0, 12)).toString('latin1') === 'HTTP/1.1 200'
      this.options.onOpen(this.ok)
    }
    const before = this.last
    if (this.options.strict) this.readAll(chunk)
    else this.readEnds(chunk)
    if (this.last !== before) this.options.onEvents(this)
  }

  private readEnds(chunk: Uint8Array): void {
    let end = chunk.lastIndexOf(markEnd)
    // The last mark may have begun in the chunk before.
    if (end !== -1 && end < markLength - 1) end = -1
    if (end === -1 || chunk[end - markLength + 1] !== markStart) return
    const now = nowMicros()
    const number = numberAt(chunk, end)
    if (this.first) {
      this.first = false
      this.last = number - 1
    }
    const several = number > this.last + 1
    this.last = number
    this.options.latencies.record(now - timeAt(chunk, end))
    if (!several) return
    const oldest = chunk.indexOf(markEnd)
    if (oldest !== end && oldest >= markLength - 1) this.options.latencies.record(now - timeAt(chunk, oldest))
  }

  private readAll(chunk: Uint8Array): void {
    const whole = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let end = whole.indexOf(markEnd)
    let read = 0
    while (end !== -1) {
      if (end >= markLength - 1 && whole[end - markLength + 1] === markStart) this.count(numberAt(whole, end))
      read = end + 1
      end = whole.indexOf(markEnd, read)
    }
    this.rest = Buffer.from(whole.subarray(Math.max(read, whole.length - markLength + 1)))
  }

  private count(number: number): void {
    if (this.first) {
      this.first = false
      this.last = number - 1
    }
    if (number <= this.last) this.repeated += 1
    else {
      this.lost += number - this.last - 1
      this.last = number
    }
  }
}
