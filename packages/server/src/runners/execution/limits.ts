/** What an execution may use: as the request says, within the bounds of the configuration. */
import type { ExecutionLimitsBody, FieldError } from '@millrace/protocol'
import type { ExecutionLimits } from '#agents/agent'

const names = ['iterations', 'tokens', 'seconds', 'usd'] as const

/** The bounds also apply where the request names no limit. */
export function limitsOf(asked: ExecutionLimitsBody | undefined, bounds: ExecutionLimits): ExecutionLimits {
  return {
    iterations: asked?.iterations ?? bounds.iterations,
    tokens: asked?.tokens ?? bounds.tokens,
    seconds: asked?.seconds ?? bounds.seconds,
    usd: asked?.usd ?? bounds.usd,
  }
}

/** Names every limit that is above its bound. */
export function limitProblems(asked: ExecutionLimitsBody | undefined, bounds: ExecutionLimits): FieldError[] {
  return names.flatMap((name) => {
    const [wanted, bound] = [asked?.[name], bounds[name]]
    if (wanted === undefined || bound === null || wanted <= bound) return []
    return [
      { path: `limits.${name}`, expected: `at most ${bound} (executions.${name} of the configuration)` },
    ]
  })
}
