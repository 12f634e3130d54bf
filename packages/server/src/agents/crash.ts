/** What is said of an agent whose process ended before it gave a result. */
import type { ProcessExit } from '@millrace/sandbox'
import { type AgentEnd, failed } from './agent.ts'

/** The process exited, or fell silent, without a result. */
export function crashed({ exit, thrown, last, breach }: Crash): AgentEnd {
  if (exit?.neverBegan) return failed('not_started', `Could not start: ${last || 'no process'}`)
  if (breach !== undefined) return failed('crashed', `The agent used more ${breach} than it is allowed`)
  if (exit === null) {
    return failed(
      'protocol_error',
      `The connection to the agent's process failed: ${thrown ?? 'it fell silent'}`,
    )
  }
  const how = exit.signal === null ? `with exit code ${exit.code}` : `by ${exit.signal}`
  const words = last === '' ? '' : `; its last words: ${last}`
  return failed('crashed', `The agent's process ended ${how} before it gave a result${words}`)
}

interface Crash {
  /** Null: it had not exited by itself. */
  exit: ProcessExit | null
  /** The SDK's error. */
  thrown: string | null
  last: string
  breach: string | undefined
}
