/** Runs a program inside a boundary, and ends it with everything it started. */
export type { KeptHomes } from '#homes/kept-homes'
export { type NetworkAccess, parseDestination } from '#network/access'
export { openSandbox } from './open.ts'
export { barrierTo } from './paths.ts'
export { endLeftovers } from './processes/leftovers.ts'
export { carriersOf } from './processes/processes.ts'
export { type OwnerCommand, ProjectOwner } from './project-owner.ts'
export type {
  OpenSandbox,
  ProcessExit,
  ProcessLimits,
  Sandbox,
  SandboxedProcess,
  SandboxReport,
} from './sandbox.ts'
