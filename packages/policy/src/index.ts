/** May an agent make this call? Pure: it reads what it is given, and runs nothing. */
export type { Span } from './finding.ts'
export { isWithin } from './places.ts'
export { createPolicy, type Policy, type PolicyOptions, type ToolCall, type Verdict } from './policy.ts'
export { neverAllowed, undescribedTool } from './tools.ts'
