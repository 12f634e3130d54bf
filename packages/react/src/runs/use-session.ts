import type { ForkRunBody, MessageMode, StartSessionBody } from '@millrace/protocol'
import { type Item, itemsOf, type OpenApproval } from '@millrace/protocol/view'
import { useCallback, useMemo } from 'react'
import { type StartedRun, useStartedRun } from './use-started-run.ts'

export interface UsedSession extends StartedRun<'session'> {
  /** What the agent said and did, in order. */
  items: readonly Item[]
  /** Questions that nobody has answered yet; `useApprovals` answers them. */
  approvals: readonly OpenApproval[]
  /** Resolves with the id of the run; with null when it was refused. */
  startSession(body: Omit<StartSessionBody, 'kind'>): Promise<string | null>
  /** Continues the conversation as a new run, which is followed from then on. */
  resumeSession(prompt?: string): Promise<string | null>
  /** Starts another session with the conversation as it was at an event, which is followed from then on. */
  fork(body: ForkRunBody): Promise<string | null>
  abortSession(): Promise<void>
  /**
   * Says something to the agent at work: after its turn, or as `mode` says. Resolves with the id of the message; with
   * null when it was refused.
   */
  send(text: string, mode?: MessageMode): Promise<string | null>
  /** Takes back a message that the agent has not taken. Resolves with false when it was refused. */
  withdraw(messageId: string): Promise<boolean>
  /** Lets an interactive session complete once no message waits. */
  finishSession(): Promise<void>
}

const none: readonly never[] = []

/** Starts agent sessions and follows the last one; or follows the one given. */
export function useSession(runId?: string | null): UsedSession {
  const { shown, client, perform, begin, start, abort } = useStartedRun('session', runId ?? null)
  const kept = shown.view?.items
  const items = useMemo(() => (kept === undefined ? none : [...itemsOf(kept)]), [kept])
  const startSession = useCallback(
    (body: Omit<StartSessionBody, 'kind'>) => start({ kind: 'session', ...body }),
    [start],
  )
  const { runId: followed } = shown
  const resumeSession = useCallback(
    async (prompt?: string) =>
      followed === null ? null : begin(() => client.resume(followed, prompt === undefined ? {} : { prompt })),
    [begin, client, followed],
  )
  const fork = useCallback(
    async (body: ForkRunBody) => (followed === null ? null : begin(() => client.fork(followed, body))),
    [begin, client, followed],
  )
  const send = useCallback(
    async (text: string, mode?: MessageMode) => {
      if (followed === null) return null
      const body = mode === undefined ? { text } : { text, mode }
      return (await perform(() => client.say(followed, body)))?.messageId ?? null
    },
    [perform, client, followed],
  )
  const withdraw = useCallback(
    async (messageId: string) =>
      followed !== null && (await perform(() => client.withdraw(followed, messageId))) !== null,
    [perform, client, followed],
  )
  const finishSession = useCallback(async () => {
    if (followed !== null) await perform(() => client.finish(followed))
  }, [perform, client, followed])
  return {
    ...shown,
    items,
    approvals: shown.view?.approvals ?? none,
    startSession,
    resumeSession,
    fork,
    abortSession: abort,
    send,
    withdraw,
    finishSession,
  }
}
