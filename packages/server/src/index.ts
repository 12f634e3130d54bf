/** `@millrace/server` as a library. Importing opens nothing. */

export { type ErrorCode, errorTable, type FieldError, MillraceError } from '@millrace/protocol'
export type { Principal } from '#auth/principal'
export { ConfigError } from '#config/problems'
export type { ConfigFile } from '#config/schema'
export { CursorReset } from '#delivery/iterate'
export {
  type AgentEvent,
  type AgentFailure,
  AgentSSEEmitter,
  type AgentSSEEmitterOptions,
  type AgentSSEEventType,
} from '#embed/agent-emitter'
export {
  addAgentConnection,
  broadcastAgentEvent,
  cleanupAgentExecution,
  removeAgentConnection,
  sendAgentEvent,
} from '#embed/agent-emitter-connections'
export {
  type AgentSession,
  AgentSessionManager,
  type AgentSessionManagerOptions,
  agentSessionManager,
} from '#embed/agent-sessions/agent-session-manager'
export {
  type AgentSessionRouterOptions,
  agentSessionRouter,
} from '#embed/agent-sessions/agent-session-router'
export {
  type CanUseToolOptions,
  canUseTool,
  createCanUseTool,
  type PermissionQuestion,
} from '#embed/agent-sessions/can-use-tool'
export type { SessionHost } from '#embed/agent-sessions/running'
export type { SessionEmitter, SessionEvents } from '#embed/agent-sessions/session-emitter'
export type { ExpressMiddleware } from '#embed/express'
export { createMillrace, type Millrace, type MillraceOptions } from '#embed/millrace'
export type { EmbeddedRealtime } from '#embed/realtime'
export {
  formatSSEComment,
  formatSSEMessage,
  type RealtimeConnection,
  RealtimeManager,
  type RealtimeManagerOptions,
  realtimeManager,
  type SSEMessage,
} from '#embed/realtime-manager'
export type { EmbeddedRuns, HostPrincipal, RunStream } from '#embed/runs'
export { StreamService, type StreamSession, streamService } from '#embed/stream-service'
export type { RunListener } from '#realtime/hooks'
export { SubscriptionRefused } from '#realtime/subscription'
export { createSSEWriter, type SSEWriter, type SSEWriterOptions } from '#sse/sse-writer'
export { DataDirInUse } from '#store/sqlite/upkeep/lock'
