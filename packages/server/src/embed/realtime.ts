/** Topics for a host application: publish without HTTP, and learn of runs without a stream. */
import type { OpenServer } from '#compose/server'
import type { RunHooks, RunListener } from '#realtime/hooks'

/**
 * Listeners may be added before `start()` and outlive a stop. They are called for every run, whoever owns
 * it, once the change is on disk. A listener that throws is logged and delays no other. Each `on…` returns
 * a function that removes the listener.
 */
export interface EmbeddedRealtime {
  /**
   * Sends to all subscribers of the topic. Fails with `invalid_request` if the name is reserved for the
   * server (`runs/…`, `projects/…`, `PB_…`) or is not one line of text, with `draining` while Millrace is
   * not running, and with what `JSON.stringify` throws.
   */
  publish(topic: string, data: unknown): Promise<void>
  onRunCreated(listener: RunListener): () => void
  /** At most once in 250 ms for each run, with its current state. */
  onRunUpdated(listener: RunListener): () => void
  /** Once for each run. */
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
