/** `@millrace/react`: hooks and a store over the runs of a Millrace server. */
export {
  type AgentActions,
  type AgentState,
  type AgentValues,
  type CurrentExecution,
  type ThinkingStep,
  useAgentStore,
} from './agent/agent-store.ts'
export { type UsedAgentExecution, useAgentExecution } from './agent/use-agent-execution.ts'
export { type UsedAgentSSE, useAgentSSE } from './agent/use-agent-sse.ts'
export { MillraceProvider, type MillraceProviderProps, useClient } from './provider.ts'
export { type UsedApprovals, useApprovals } from './runs/use-approvals.ts'
export { type UsedJob, useJob } from './runs/use-job.ts'
export { type UsedRun, useRun } from './runs/use-run.ts'
export { type UsedRuns, useRuns } from './runs/use-runs.ts'
export { type UsedSession, useSession } from './runs/use-session.ts'
export type { FollowedRun } from './runs/use-snapshot.ts'
export type { StartedRun } from './runs/use-started-run.ts'
export type { ConnectionStatus, RunSnapshot, SourceSettings } from './sources/run-source.ts'
export { nextFrame, type Schedule } from './sources/schedule.ts'
