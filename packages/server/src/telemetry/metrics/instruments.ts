/** Makers of the few kinds of instruments that all topics use. */
import { Counter, Gauge, type Registry } from 'prom-client'

/** A counter whose count is kept elsewhere: `advance` brings it up to that count. */
export interface FollowingCounter {
  advance(count: number): void
}

export function gauge<Label extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[] = [],
): Gauge<Label> {
  return new Gauge({ name, help, labelNames, registers: [registry] })
}

export function counter<Label extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[] = [],
): Counter<Label> {
  return new Counter({ name, help, labelNames, registers: [registry] })
}

export function followingCounter(registry: Registry, name: string, help: string): FollowingCounter {
  const total = counter(registry, name, help)
  let reached = 0
  return {
    advance(count) {
      total.inc(Math.max(count - reached, 0))
      reached = count
    },
  }
}

/** A gauge that is always 1, with the facts in its labels. */
export function info(
  registry: Registry,
  name: string,
  help: string,
  facts: Readonly<Record<string, string>>,
): void {
  gauge(registry, name, help, Object.keys(facts)).set({ ...facts }, 1)
}
