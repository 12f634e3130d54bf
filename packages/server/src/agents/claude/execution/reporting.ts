/** The host of an agent whose messages are to become moves. */
import { type SubagentResultEvent, subagentResultType } from '@millrace/protocol'
import type { AgentHost, ExecutionHost } from '#agents/agent'
import { reportingHost } from '#agents/reporting-host'
import type { Translator } from '../translate/translator.ts'
import type { Keeping } from './keeping.ts'

/** `reported` is called after each message that was taken. */
export function reporting(
  host: ExecutionHost,
  keeping: Keeping,
  translator: Translator,
  reported: () => void,
): AgentHost {
  return reportingHost(host, {
    denied(toolUseId, emit) {
      translator.denied(toolUseId)
      return keeping.afterStart(toolUseId, emit)
    },
    take(event) {
      if (event.type === subagentResultType) {
        const { toolUseId, result } = event.data as SubagentResultEvent
        translator.patched(toolUseId, result)
        return Promise.resolve()
      }
      const moves = translator.take(event.data)
      const kept = moves.length === 0 ? Promise.resolve() : keeping.report(moves)
      reported()
      return kept
    },
    appendTranscript: (entries) => keeping.appendTranscript(entries),
  })
}
