/** What a caller says of a stream, and what it gets back. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { LogBounds } from '@millrace/protocol'
import type { Dialect } from './dialect.ts'

export interface StreamOptions {
  req: IncomingMessage
  res: ServerResponse
  runId: string
  /** Reads where the log stands, afresh; null: no such run. Default: as the store says. */
  bounds?: () => Promise<LogBounds | null>
  /** How the events look on the stream; default the native protocol. */
  dialect?: Dialect | undefined
  /** Set by plugins (CORS, security headers …); where a stream needs another value, its own wins. */
  headers?: OutgoingHttpHeaders | undefined
  /** The `Last-Event-ID` header as it came; wins over `after` unless it is empty. */
  lastEventId?: string | undefined
  after?: string | undefined
  epoch?: string | undefined
  /** Only these types, besides the terminal event and `reset`; none named: all. */
  types?: readonly string[] | undefined
  /**
   * Every `intervalMs`, as the dialect writes it: natively the comment `: text`. After a silence this long
   * the log is also looked at, in case a wake-up was lost; 0 turns both off.
   */
  heartbeat: { intervalMs: number; text: string }
  /** Compress for clients that accept gzip. */
  compress: boolean
  /**
   * The connection is of a server of our own: it may be taken from the response, which then is no longer to be used and
   * does not hear of the end of the stream. Default: false.
   */
  ownConnection?: boolean
}

export interface StreamHandle {
  /** True when the response gave its connection away, and does not hear of its end. */
  readonly detached: boolean
  /** Resolves when the response is finished or its connection gone. */
  readonly closed: Promise<void>
  /** Ends the stream at once (a revoked credential, a cap). */
  close(): void
  /** Since when, in milliseconds of delivery's clock, the client has not taken what was sent; null when it keeps up. */
  readonly stalledSince: number | null
  /** `seq` up to which the log was handed to the connection. */
  readonly cursor: number
}

export type StreamResult =
  /** No such run; the caller answers. */
  | { outcome: 'missing' }
  /** Answered in full: a 204, or the headers of a HEAD request. */
  | { outcome: 'over' }
  | { outcome: 'streaming'; handle: StreamHandle }

/** A stream whose client left before it began. */
export const closedHandle: StreamHandle = {
  detached: false,
  closed: Promise.resolve(),
  close: () => {},
  stalledSince: null,
  cursor: 0,
}
