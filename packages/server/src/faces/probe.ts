/** A short stream with known gaps: with it `millrace doctor --url` measures whether anything buffers. */
import { setTimeout as pause } from 'node:timers/promises'
import { createSSEWriter } from '../delivery/sse-writer.ts'
import type { FaceApp } from './face.ts'

const frames = 10
const gapMs = 200

export function probeFace(app: FaceApp): void {
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
    async (_request, reply) => {
      const writer = createSSEWriter(reply.raw)
      reply.hijack()
      for (let n = 1; n <= frames && !writer.closed; n++) {
        if (n > 1) await pause(gapMs)
        writer.send('probe', { n, at: Date.now() })
      }
      writer.close()
    },
  )
}
