/** `@millrace/server` as a library. Importing opens nothing. */

export { MillraceError } from '@millrace/protocol'
export {
  type AgentSession,
  AgentSessionManager,
  type AgentSessionManagerOptions,
  agentSessionManager,
} from './agent-sessions/agent-session-manager.ts'
export { type AgentSessionRouterOptions, agentSessionRouter } from './agent-sessions/agent-session-router.ts'
export {
  type CanUseToolOptions,
  canUseTool,
  createCanUseTool,
  type PermissionQuestion,
} from './agent-sessions/can-use-tool.ts'
export type { SessionHost } from './agent-sessions/running.ts'
export type { SessionEmitter, SessionEvents } from './agent-sessions/session-emitter.ts'
export type { Principal } from './auth/principal.ts'
export { ConfigError } from './config/problems.ts'
export type { ConfigFile } from './config/schema.ts'
export { CursorReset } from './delivery/iterate.ts'
export { createSSEWriter, type SSEWriter, type SSEWriterOptions } from './delivery/sse-writer.ts'
export type { EmbeddedRealtime } from './embedded-realtime.ts'
export type { EmbeddedRuns, HostPrincipal } from './embedded-runs.ts'
export type { ExpressMiddleware } from './faces/express.ts'
export { StreamService, type StreamSession, streamService } from './faces/stream-service.ts'
export { createMillrace, type Millrace, type MillraceOptions } from './millrace.ts'
export type { RunListener } from './realtime/hooks.ts'
export {
  formatSSEComment,
  formatSSEMessage,
  type RealtimeConnection,
  RealtimeManager,
  type RealtimeManagerOptions,
  realtimeManager,
  type SSEMessage,
} from './realtime/manager.ts'
