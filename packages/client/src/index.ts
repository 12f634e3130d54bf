/** `@millrace/client`: follows and controls the runs of a Millrace server from any JavaScript runtime. */
export { type CallOptions, type Client, createClient, type ExecuteBody } from './client.ts'
export { type Backoff, type Clock, defaultBackoff, systemClock, waitMs } from './clock.ts'
export { type ApiRequest, type Connection, call, send } from './connection.ts'
export { ClientError, type ClientErrorCode, refusalOf } from './errors.ts'
export type {
  EventsOf,
  ExecutionRunEvents,
  JobEvents,
  LifecycleEvents,
  MessageEvents,
  SessionEvents,
} from './events.ts'
export { type Followed, type Following, type FollowOptions, type FollowStatus, follow } from './follow.ts'
export { type Frame, framesOf } from './frames.ts'
