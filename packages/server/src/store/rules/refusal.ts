/** A write that may not happen. It changes nothing, and hinders no other write of its batch. */
import type { ErrorCode } from '@millrace/protocol'

export interface Refusal {
  kind: 'refused'
  code: ErrorCode
  message: string
  /** What a program needs to know besides the code. */
  details?: Record<string, unknown>
}

export function refusal(code: ErrorCode, message: string, details?: Record<string, unknown>): Refusal {
  return { kind: 'refused', code, message, ...(details && { details }) }
}

/** Nothing else a rule returns is of this kind. */
export function isRefusal(decision: object): decision is Refusal {
  return 'kind' in decision && decision.kind === 'refused'
}

export function unknownRun(): Refusal {
  return refusal('not_found', 'There is no such run')
}
