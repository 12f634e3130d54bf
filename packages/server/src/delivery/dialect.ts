/**
 * A dialect: how the events of a log look on a stream. A protocol with other frames brings one of these,
 * and shares rings, pages and batches among its followers as the native protocol does.
 */
import { type ResetData, resetType } from '@millrace/protocol'
import { commentText, frameText, unnumberedFrameText } from '#sse/encode'
import { eventStreamType } from '#sse/headers'
import type { StoredEvent } from './source.ts'

/**
 * One object per protocol, made once: followers share frames only if they name the same object. Every
 * function must be pure, or followers of one log would receive different bytes.
 */
export interface Dialect {
  /** `Content-Type` of the stream. */
  readonly contentType: string
  /**
   * The frames of one event, one after the other; '' when this protocol does not show the event. Of
   * several frames only the last may carry an `id:`, the event's `seq`: a client that is cut off between
   * them then receives the event again, and otherwise would miss a part. The last event of a log
   * (`terminal`) needs a frame with an `id:` where clients reconnect by themselves.
   */
  frames(event: StoredEvent, terminal: boolean): string
  /** What keeps an idle stream alive, with the route's text; never empty. */
  heartbeat(text: string): string
  /** Says in band that the cursor could not be served; never empty, and without an `id:`. */
  reset(reset: ResetData): string
  /**
   * Says in band that the log has another history, of which this server knows nothing, and makes a client that reconnects by
   * itself forget its cursor; never empty.
   */
  readonly startOver: string
  /**
   * The answer to a client that has a finished log already: 204, which stops an `EventSource`, or a
   * stream that ends at once.
   */
  readonly whenOver: 'no-content' | 'empty-stream'
}

/** The protocol of `docs/protocol.md`: one frame per event, ids are the log's numbers. */
export const nativeDialect: Dialect = {
  contentType: eventStreamType,
  frames: ({ seq, type, json }) => frameText(seq, type, json),
  heartbeat: commentText,
  reset: ({ reason, firstSeq, head }) =>
    unnumberedFrameText(resetType, JSON.stringify({ reason, firstSeq, head })),
  // With an empty id an EventSource reconnects without a cursor.
  startOver: frameText('', resetType, JSON.stringify({ reason: 'epoch', firstSeq: 1, head: 0 })),
  whenOver: 'no-content',
}
