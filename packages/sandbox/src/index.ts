/** Runs a program inside a boundary, and ends it with everything it started. */
export { type NetworkAccess, parseDestination } from '#network/access'
export { openSandbox } from './open.ts'
export { endLeftovers } from './processes/leftovers.ts'
export { carriersOf } from './processes/processes.ts'
export type {
  ProcessExit,
  ProcessLimits,
  Sandbox,
  SandboxedProcess,
  SandboxReport,
} from './sandbox.ts'
