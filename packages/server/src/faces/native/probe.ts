/** A short stream with known gaps: with it `millrace doctor --url` measures whether anything buffers. */
import type { OutgoingHttpHeaders } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { FaceApp, FaceParts } from '#faces/face'
import { mergeHeaders } from '#sse/headers'
import { whenOver } from '#sse/sink'
import { createSSEWriter } from '#sse/sse-writer'

const frames = 10
const gapMs = 200

export function probeFace(app: FaceApp, { streams }: Pick<FaceParts, 'streams'>): void {
  app.get(
    '/api/probe/stream',
    {
      config: { stream: true },
      schema: {
        tags: ['service'],
        summary: `${frames} frames, ${gapMs} ms apart, each with the time it was written`,
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      if (request.identity === null) throw new Error('the probe is never public')
      const place = streams.reserve(request.identity, request.ip)
      mergeHeaders(reply.raw, reply.getHeaders() as OutgoingHttpHeaders)
      reply.raw.setHeader('Cache-Control', 'no-cache, no-transform')
      const writer = createSSEWriter(reply.raw)
      reply.hijack()
      const closed = new Promise<void>((resolve) => whenOver(reply.raw, resolve))
      place.attach({ closed, close: () => writer.close(), stalledSince: null })
      if (request.method === 'HEAD') writer.close()
      for (let n = 1; n <= frames && !writer.closed; n++) {
        if (n > 1) await pause(gapMs)
        writer.send('probe', { n, at: Date.now() })
      }
      writer.close()
    },
  )
}
