/**
 * The paths of all streams that belong to a run, collected from the routes as they are added.
 *
 * Owns the list. A route counts when it streams and names one run in its path, whichever face it is of.
 */
import type { RouteOptions } from 'fastify'

/** Does this route stream the log of the run that its path names? */
export function streamsRun({ config, url }: Pick<RouteOptions, 'config' | 'url'>): boolean {
  return config?.stream === true && url.includes(':')
}

export class RunStreams {
  readonly #routes = new Map<string, readonly string[]>()

  add(route: RouteOptions): void {
    if (streamsRun(route)) this.#routes.set(route.url, route.url.split('/'))
  }

  /** The id of the run whose stream is at `path`, as the path spells it; undefined for any other path. */
  runIdOf(path: string): string | undefined {
    const segments = path.split('/')
    for (const route of this.#routes.values()) {
      const matches =
        route.length === segments.length &&
        route.every((part, index) =>
          part.startsWith(':') ? segments[index] !== '' : part === segments[index],
        )
      if (matches) return segments[route.findIndex((part) => part.startsWith(':'))]
    }
    return undefined
  }
}
