/** The host of an agent in an execution: what it emits becomes moves, and all else is as in a session. */
import { permissionTypes } from '@millrace/protocol'
import type { EmittedEvent } from '#runners/runner'
import type { AgentHost, ExecutionHost } from './agent.ts'

export interface Reporting extends Pick<AgentHost, 'appendTranscript'> {
  /** The gate denied a call. Its event is one of executions as well: `emit` emits it as it is. */
  denied(toolUseId: string, emit: () => Promise<void>): Promise<void>
  /** Takes any other event. Resolves when what it led to is on disk. */
  take(event: EmittedEvent): Promise<void>
}

export function reportingHost(host: ExecutionHost, reporting: Reporting): AgentHost {
  const take = (event: EmittedEvent): Promise<void> => {
    if (event.type !== permissionTypes.denied) return reporting.take(event)
    const { toolUseId } = event.data as { toolUseId?: unknown }
    return reporting.denied(String(toolUseId), () => host.emit([event]))
  }
  return {
    gate: host.gate,
    dialogue: host.dialogue,
    sandbox: host.sandbox,
    get uncommittedBytes() {
      return host.uncommittedBytes
    },
    emit: async (events) => void (await Promise.all(events.map(take))),
    started: (data) => host.started(data),
    recordProcess: (process) => host.recordProcess(process),
    appendTranscript: (entries) => reporting.appendTranscript(entries),
  }
}
