/** What connects this node with the others that share its store: letters, and who can do which work. */
import type { SandboxReport } from '@millrace/sandbox'
import type { Logger } from 'pino'
import type { Kinds } from '#compose/kinds'
import type { ModelChoice } from '#compose/model'
import type { Releases } from '#compose/releases'
import type { Config } from '#config/config'
import type { AgentStatus } from '#faces/native/catalogue'
import { type Announcement, Placement } from '#nodes/placement'
import { Post } from '#nodes/post'
import { Elsewhere } from '#realtime/elsewhere'
import type { Placed } from '#runs/dispatcher'
import type { Store } from '#store/store'
import { monotonicClock } from '#time/clock'
import { type Work, workOf } from './announcing.ts'

/** Null, both: this node is alone. */
export interface Connected {
  post: Post | null
  elsewhere: Elsewhere | null
}

const { after } = monotonicClock

export function openPost({ shared }: Pick<Store, 'shared'>, log: Logger, releases: Releases): Connected {
  if (shared === undefined) return { post: null, elsewhere: null }
  const onFailure = (error: unknown) =>
    log.warn({ err: error }, 'a letter of another node could not be acted on')
  const post = new Post({ shared, after, onFailure })
  releases.push(() => post.close())
  return { post, elsewhere: new Elsewhere({ post, nodes: () => shared.nodes() }) }
}

/** `own`: what this node has; null: it only serves. Null: it is alone. */
export async function openPlacement(
  { shared }: Pick<Store, 'shared'>,
  own: (() => Announcement) | null,
  log: Logger,
  releases: Releases,
): Promise<Placement | null> {
  if (shared === undefined) return null
  const onFailure = (error: unknown) => log.debug({ err: error }, 'the other nodes could not be looked at')
  const placement = new Placement({ shared, own, after, onFailure })
  releases.push(() => placement.close())
  await placement.open()
  return placement
}

export function placedBy(
  placement: Placement | null,
  { store, projects }: Config,
  kinds: Pick<Kinds, 'all'>,
): Placed | null {
  if (placement === null) return null
  return {
    works: store?.role !== 'web',
    share: {
      projects: [...projects.keys()],
      takes: (kind) => kinds.all.find((own) => own.kind === kind)?.availability().available ?? false,
      limitOfAll: (kind) => (kind === 'external' ? undefined : store?.concurrency[kind]),
    },
    require: (need) => placement.require(need),
  }
}

/** What a node that only serves takes for its own: the projects and tools of the workers, and their model, which it never asks. */
export function servingOnly(config: Config, placement: Placement): ModelChoice & { catalogue: Work } {
  const model = { baseUrl: '', apiKey: undefined, demo: false }
  const { known, live } = workOf(placement)
  return { config: { ...config, ...known }, model, demo: null, catalogue: live }
}

/** Whether some worker can run the built-in agent. */
export function agentOf({ workers }: Pick<Placement, 'workers'>): AgentStatus {
  const able = workers.find(({ agent }) => agent.unavailable === null)
  if (able !== undefined) return { available: true, demo: able.agent.demo }
  return { available: false, demo: false, reason: workers[0]?.agent.unavailable ?? 'No worker is there' }
}

/** What separates runs from the machines of the workers: the weakest counts. */
export function boundaryOf({
  workers,
}: Pick<Placement, 'workers'>): Pick<SandboxReport, 'boundary' | 'warnings'> {
  const holds = workers.length > 0 && workers.every(({ boundary }) => boundary === 'bubblewrap')
  return { boundary: holds ? 'bubblewrap' : 'none', warnings: [] }
}
