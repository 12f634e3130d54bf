/** Makers of the few kinds of instruments that all themes use. */
import { Counter, Gauge, type Registry } from 'prom-client'

/** A counter that somebody else counts: `tell` takes in how far that count has come. */
export interface ToldCounter {
  tell(count: number): void
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

export function toldCounter(registry: Registry, name: string, help: string): ToldCounter {
  const total = counter(registry, name, help)
  let told = 0
  return {
    tell(count) {
      total.inc(Math.max(count - told, 0))
      told = count
    },
  }
}

/** A fact in the labels of a gauge that is always 1. */
export function info(
  registry: Registry,
  name: string,
  help: string,
  facts: Readonly<Record<string, string>>,
): void {
  gauge(registry, name, help, Object.keys(facts)).set({ ...facts }, 1)
}
