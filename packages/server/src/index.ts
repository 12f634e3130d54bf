/** `@millrace/server` as a library. Importing opens nothing. */

export { MillraceError } from '@millrace/protocol'
export type { Principal } from './auth/principal.ts'
export { ConfigError } from './config/problems.ts'
export type { ConfigFile } from './config/schema.ts'
export { CursorReset } from './delivery/iterate.ts'
export { createSSEWriter, type SSEWriter, type SSEWriterOptions } from './delivery/sse-writer.ts'
export type { EmbeddedRuns, HostPrincipal } from './embedded-runs.ts'
export type { ExpressMiddleware } from './faces/express.ts'
export { StreamService, type StreamSession, streamService } from './faces/stream-service.ts'
export { createMillrace, type Millrace, type MillraceOptions } from './millrace.ts'
