/**
 * The engines of executions: which one runs a model, and whether it can.
 *
 * Owns: the results of the self-tests. Invariant: an engine whose test found a problem starts nothing.
 */
import type { ExecutionEngine } from '#agents/agent'
import type { SelfTest } from '#runners/kind'

/** An engine, and the models that are its business. */
export interface OfferedEngine {
  engine: ExecutionEngine
  /** Whether the name of a model is meant for this engine, be there such a model or not. */
  serves(model: string | undefined): boolean
  /** How its models are named, for people: `claude`, `openai:<model>`. */
  models: readonly string[]
  /** Why it can run nothing, whatever its self-test would find; null if there is no such reason. */
  unavailable: string | null
}

export class Engines {
  readonly #offered: readonly OfferedEngine[]
  readonly #problems = new Map<OfferedEngine, readonly string[]>()
  #test: Promise<SelfTest> | undefined

  constructor(offered: readonly OfferedEngine[]) {
    this.#offered = offered
    for (const one of offered) this.#problems.set(one, one.unavailable === null ? [] : [one.unavailable])
  }

  /** The engine for a model; null if the model is no engine's business. */
  find(model: string | undefined): OfferedEngine | null {
    return this.#offered.find((one) => one.serves(model)) ?? null
  }

  /** Why an engine can run nothing; null if it can. */
  whyNot(one: OfferedEngine): string | null {
    const problems = this.#problems.get(one) ?? []
    return problems.length === 0 ? null : problems.join('; ')
  }

  /** How models are named here. */
  get models(): string[] {
    return this.#offered.filter((one) => this.whyNot(one) === null).flatMap(({ models }) => models)
  }

  /** Why no engine can run anything; null if one can. */
  get noneBecause(): string | null {
    const reasons = this.#offered.map((one) => this.whyNot(one))
    return reasons.includes(null) ? null : reasons.join('; ')
  }

  /** Tests every engine that may be available, once. Never rejects. */
  selfTest(): Promise<SelfTest> {
    this.#test ??= this.#testAll()
    return this.#test
  }

  async #testAll(): Promise<SelfTest> {
    const tests = await Promise.all(
      this.#offered.map(async (one) => {
        if (one.unavailable !== null) return { problems: [], warnings: [] }
        const found = await one.engine.selfTest()
        this.#problems.set(one, found.problems)
        return found
      }),
    )
    return {
      problems: tests.flatMap(({ problems }) => problems),
      warnings: tests.flatMap(({ warnings }) => warnings),
    }
  }
}
