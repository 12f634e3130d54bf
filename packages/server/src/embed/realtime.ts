/** Topics, for the program that embeds us: publish without HTTP, and be told of runs without a stream. */

import type { OpenServer } from '#compose/server'
import type { RunHooks, RunListener } from '#realtime/hooks'

/**
 * Listeners may be added before `start()` and outlive a stop. They are told of every run, whoever owns
 * it, once it is on disk; one that throws is logged, and stands in nobody's way. Each `on…` returns what
 * ends the listening.
 */
export interface EmbeddedRealtime {
  /**
   * Sends to all who follow the topic. Fails with `invalid_request` where the name is one of the
   * server's own (`runs/…`, `projects/…`, `PB_…`) or no line of text, with `draining` while Millrace is
   * not running, and with what `JSON.stringify` throws.
   */
  publish(topic: string, data: unknown): Promise<void>
  onRunCreated(listener: RunListener): () => void
  /** At most once in 250 ms a run, with the run as it then is. */
  onRunUpdated(listener: RunListener): () => void
  /** Once a run. */
  onRunFinished(listener: RunListener): () => void
}

export function embeddedRealtime(
  opened: () => Promise<Pick<OpenServer, 'realtime'>>,
  hooks: RunHooks,
): EmbeddedRealtime {
  return {
    async publish(topic, data) {
      ;(await opened()).realtime.publish(topic, data)
    },
    onRunCreated: (listener) => hooks.on('created', listener),
    onRunUpdated: (listener) => hooks.on('updated', listener),
    onRunFinished: (listener) => hooks.on('finished', listener),
  }
}
