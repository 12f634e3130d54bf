/** The host of an agent whose messages are to become moves. */
import { permissionTypes, type SubagentResultEvent, subagentResultType } from '@millrace/protocol'
import type { AgentHost, ExecutionHost } from '#agents/agent'
import type { EmittedEvent } from '#runners/runner'
import type { Translator } from '../translate/translator.ts'
import type { Keeping } from './keeping.ts'

/** `reported` is called after each message that was taken. */
export function reporting(
  host: ExecutionHost,
  keeping: Keeping,
  translator: Translator,
  reported: () => void,
): AgentHost {
  /** What is about permissions is an event of executions as well. */
  const take = (event: EmittedEvent): Promise<void> => {
    if (event.type === permissionTypes.denied) {
      translator.denied(String((event.data as { toolUseId?: unknown }).toolUseId))
      return host.emit([event])
    }
    if (event.type === subagentResultType) {
      const { toolUseId, result } = event.data as SubagentResultEvent
      translator.patched(toolUseId, result)
      return Promise.resolve()
    }
    const moves = translator.take(event.data)
    const kept = moves.length === 0 ? Promise.resolve() : keeping.report(moves)
    reported()
    return kept
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
    appendTranscript: (entries) => keeping.appendTranscript(entries),
  }
}
