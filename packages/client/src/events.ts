/** Which events a run of a kind has: type → data. */
import type {
  ExecutionEvents,
  ExecutionResponse,
  MessageDeliveredEvent,
  MessageQueuedEvent,
  MessageWithdrawnEvent,
  PermissionDeniedEvent,
  PermissionRequestedEvent,
  PermissionResolvedEvent,
  RunKind,
  RunParkedEvent,
  RunWokenEvent,
  SessionEndEvent,
  SessionIdleEvent,
  StreamErrorEvent,
  StreamOutputEvent,
} from '@millrace/protocol'

export interface LifecycleEvents {
  'run:queued': { kind: RunKind; project: string | null; spec: Record<string, unknown> }
  'run:started': { attempt: number } & Record<string, unknown>
}

export interface JobEvents extends LifecycleEvents {
  output: StreamOutputEvent
  complete: ExecutionResponse
  error: StreamErrorEvent
}

export interface MessageEvents {
  'message:queued': MessageQueuedEvent
  'message:delivered': MessageDeliveredEvent
  'message:withdrawn': MessageWithdrawnEvent
}

/** Besides these, each message of the agent SDK, under its own type. */
export interface SessionEvents extends LifecycleEvents, MessageEvents {
  'permission:requested': PermissionRequestedEvent
  'permission:resolved': PermissionResolvedEvent
  'permission:denied': PermissionDeniedEvent
  'session:idle': SessionIdleEvent
  'run:parked': RunParkedEvent
  'run:woken': RunWokenEvent
  completed: SessionEndEvent
  errored: SessionEndEvent
  aborted: SessionEndEvent
  interrupted: SessionEndEvent
  system: Record<string, unknown>
  assistant: Record<string, unknown>
  user: Record<string, unknown>
  stream_event: Record<string, unknown>
  result: Record<string, unknown>
}

export interface ExecutionRunEvents extends LifecycleEvents, MessageEvents, ExecutionEvents {
  'permission:requested': PermissionRequestedEvent
  'permission:resolved': PermissionResolvedEvent
}

/** Without a kind, and for `external`, whose producer chooses: any type, any data. */
export type EventsOf<Kind extends RunKind | undefined> = Kind extends 'job'
  ? JobEvents
  : Kind extends 'session'
    ? SessionEvents
    : Kind extends 'execution'
      ? ExecutionRunEvents
      : Record<string, unknown>
