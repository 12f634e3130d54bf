/**
 * Which of the nodes that share a store can do which work: each says what it has, and this node keeps the newest view of all.
 *
 * Owns that view and the timer that renews it. Invariants: a run is refused only by a fresh read; one that is accepted by an
 * older view waits in the queue, where the nodes that have its project look. What is kept here is never a truth.
 */
import { MillraceError, type RunKind } from '@millrace/protocol'
import type { SharedStore } from '#store/store'
import type { Clock } from '#time/clock'

/** What a node that takes runs from the queue says of itself. Another version may say less, or more. */
export interface Announcement {
  version: string
  /** Kinds it takes, and why not where it cannot. */
  kinds: { kind: RunKind; unavailable: string | null }[]
  projects: { id: string; path: string }[]
  /** Each with the projects it may run in; opaque otherwise. */
  tools: { id: string; projects: string[] }[]
  /** Names of agents besides the built-in one. */
  agents: string[]
  /** The built-in agent: why it cannot be run, null if it can, and whether a script stands in for the model. */
  agent: { unavailable: string | null; demo: boolean }
  boundary: 'bubblewrap' | 'none'
}

/** What a run needs of the node that works on it. */
export interface Need {
  kind: RunKind
  project: string | null
  spec: Record<string, unknown>
}

export interface PlacementParts {
  shared: Pick<SharedStore, 'announce' | 'nodes'>
  /** Of this node; null: it takes no runs. */
  own: (() => Announcement) | null
  after: Clock['after']
  onFailure: (error: unknown) => void
}

const renewMs = 1000

export class Placement {
  readonly #parts: PlacementParts
  readonly #listeners = new Set<() => void>()
  #workers: readonly Announcement[] = []
  #seen = ''
  #said = ''
  #cancel = () => {}
  #closed = false

  constructor(parts: PlacementParts) {
    this.#parts = parts
  }

  /** Announces this node, and reads what the others say; then again each second. */
  async open(): Promise<void> {
    await this.renew()
    this.#renewLater()
  }

  close(): void {
    this.#closed = true
    this.#cancel()
  }

  /** What the nodes that take runs say of themselves. */
  get workers(): readonly Announcement[] {
    return this.#workers
  }

  /** Calls the listener when what the workers say has changed. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Fails with `no_worker`, and by name, when no node that is alive has what the run needs. */
  async require(need: Need): Promise<void> {
    if (missing(need, this.#workers) === null) return
    await this.renew()
    const lacking = missing(need, this.#workers)
    if (lacking !== null) throw new MillraceError('no_worker', lacking, { retryAfter: 5 })
  }

  async renew(): Promise<void> {
    const { own, shared } = this.#parts
    const text = own === null ? null : JSON.stringify(own())
    if (text !== null && text !== this.#said) {
      await shared.announce(text)
      this.#said = text
    }
    const said = (await shared.nodes()).flatMap(({ announced }) => announced ?? [])
    const seen = said.join('\n')
    if (seen === this.#seen) return
    this.#seen = seen
    this.#workers = said.map((announced) => JSON.parse(announced) as Announcement)
    for (const listener of this.#listeners) listener()
  }

  #renewLater(): void {
    this.#cancel = this.#parts.after(renewMs, async () => {
      await this.renew().catch(this.#parts.onFailure)
      if (!this.#closed) this.#renewLater()
    })
  }
}

/** One sentence; null when nothing is missing. */
export function missing({ kind, project, spec }: Need, all: readonly Announcement[]): string | null {
  if (all.length === 0) return 'No worker is there: every node of this cluster only serves'
  const having =
    project === null ? all : all.filter(({ projects }) => projects.some(({ id }) => id === project))
  if (having.length === 0) return `No worker has the project ${project}`
  const where = project === null ? 'No worker' : `No worker that has the project ${project}`
  const able = having.filter(({ kinds }) =>
    kinds.some((own) => own.kind === kind && own.unavailable === null),
  )
  if (able.length === 0) {
    const reason = having.flatMap(({ kinds }) => kinds.find((own) => own.kind === kind)?.unavailable ?? [])[0]
    return `${where} takes runs of kind ${kind}${reason === undefined ? '' : `: ${reason}`}`
  }
  if (kind === 'job' && !able.some(({ tools }) => hasTool(tools, spec.tool, project)))
    return `${where} has the tool ${spec.tool}`
  if (kind !== 'session') return null
  const { agent } = spec
  if (agent !== undefined)
    return able.some(({ agents }) => agents.includes(String(agent)))
      ? null
      : `${where} has the agent ${agent}`
  const builtIn = able.find((worker) => worker.agent.unavailable === null)
  return builtIn === undefined ? `${where} can run the built-in agent: ${able[0]?.agent.unavailable}` : null
}

function hasTool(tools: Announcement['tools'], id: unknown, project: string | null): boolean {
  return tools.some((tool) => tool.id === id && (project === null || tool.projects.includes(project)))
}
