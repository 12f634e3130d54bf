/** A short stream with known gaps, by which `millrace doctor --url` detects buffering on the way. */
import type { OutgoingHttpHeaders } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { OpenStreams } from '#admission/open-streams'
import type { Face, FaceApp } from '#http/face'
import { mergeHeaders } from '#sse/headers'
import { whenOver } from '#sse/sink'
import { createSSEWriter } from '#sse/sse-writer'

const frameCount = 10
const gapMs = 200

export interface ProbeFaceParts {
  streams: Pick<OpenStreams, 'reserve'>
}

export function probeFace(parts: ProbeFaceParts): Face {
  return { routes: (app) => addRoutes(app, parts) }
}

function addRoutes(app: FaceApp, { streams }: ProbeFaceParts): void {
  app.get(
    '/api/probe/stream',
    {
      config: { stream: true },
      schema: {
        tags: ['service'],
        summary: `${frameCount} frames, ${gapMs} ms apart, each with the time it was written`,
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
      for (let n = 1; n <= frameCount && !writer.closed; n++) {
        if (n > 1) await pause(gapMs)
        writer.send('probe', { n, at: Date.now() })
      }
      writer.close()
    },
  )
}
