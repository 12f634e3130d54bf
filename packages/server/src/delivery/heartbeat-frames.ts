/** The bytes of heartbeats, one object for all followers that have the same one. */
import { textChunk } from '#sse/chunk'
import type { Heartbeat } from '#sse/connection'
import type { Dialect } from './dialect.ts'

/** Texts come from routes, not from clients; a caller that keeps making up new ones is not remembered. */
const rememberedMax = 16

export class HeartbeatFrames {
  readonly #known = new WeakMap<Dialect, Map<string, Heartbeat>>()

  of(dialect: Dialect, { intervalMs, text }: { intervalMs: number; text: string }): Heartbeat {
    const ofDialect = this.#known.get(dialect) ?? new Map<string, Heartbeat>()
    this.#known.set(dialect, ofDialect)
    const key = `${intervalMs} ${text}`
    const known = ofDialect.get(key)
    if (known !== undefined) return known
    const heartbeat = { intervalMs, chunk: textChunk(dialect.heartbeat(text)) }
    if (ofDialect.size < rememberedMax) ofDialect.set(key, heartbeat)
    return heartbeat
  }
}
