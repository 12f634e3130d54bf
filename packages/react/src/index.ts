/** `@millrace/react`: hooks and a store that show runs of a Millrace server as they happen. */
export { type AgentState, type AgentStore, createAgentStore, type Execution } from './agent-store.ts'
export { type Millrace, MillraceProvider, type MillraceProviderProps, useMillrace } from './provider.ts'
export type { RunSnapshot } from './run-source.ts'
export { onNextFrame, type Scheduler } from './scheduler.ts'
export type { Sources } from './sources.ts'
export {
  type AgentExecution,
  type ExecutionOptions,
  useAgentExecution,
  useAgentSSE,
  useAgentStore,
} from './use-agent.ts'
export { type ShownApprovals, type ShownRun, useApprovals, useRun } from './use-run.ts'
export { type RunsOptions, type ShownRuns, useRuns } from './use-runs.ts'
export { type ShownJob, type ShownSession, type Starting, useJob, useSession } from './use-started.ts'
