/** What connects this node with the others that share its store. */
import type { Logger } from 'pino'
import { Post } from '#nodes/post'
import { Elsewhere } from '#realtime/elsewhere'
import type { Store } from '#store/store'
import { monotonicClock } from '#time/clock'
import type { Releases } from './releases.ts'

/** Null, both: this node is alone. */
export interface Connected {
  post: Post | null
  elsewhere: Elsewhere | null
}

export function openPost({ shared }: Pick<Store, 'shared'>, log: Logger, releases: Releases): Connected {
  if (shared === undefined) return { post: null, elsewhere: null }
  const onFailure = (error: unknown) =>
    log.warn({ err: error }, 'a letter of another node could not be acted on')
  const post = new Post({ shared, after: monotonicClock.after, onFailure })
  releases.push(() => post.close())
  return { post, elsewhere: new Elsewhere({ post, nodes: () => shared.nodes() }) }
}
