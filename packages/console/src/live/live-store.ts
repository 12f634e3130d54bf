/** What every tab of this browser knows of the server: the connection, the open questions, and that lists must be read anew. */
import type { OpenQuestion } from '@millrace/protocol'
import { create } from 'zustand'
import type { RunChange } from './changes.ts'

export type LiveStatus = 'connecting' | 'open' | 'reconnecting' | 'signed-out'

export interface LiveState {
  status: LiveStatus
  /** What the runs of this user ask, the most urgent first. */
  questions: readonly OpenQuestion[]
  /** Grows whenever changes may have been missed. */
  generation: number
}

export const useLive = create<LiveState>(() => ({ status: 'connecting', questions: [], generation: 0 }))

type Listener = (change: RunChange) => unknown
const listeners = new Set<Listener>()

/** Calls `listener` with every change of a run. Returns what ends that. */
export function onRunChange(listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** Keeps the changes that arrive while a list is read: the answer may be older than they are. */
export function recordChanges(): { changes: readonly RunChange[]; stop(): void } {
  const changes: RunChange[] = []
  return { changes, stop: onRunChange((change) => changes.push(change)) }
}

export function announceChange(change: RunChange): void {
  for (const listener of listeners) listener(change)
}

/** Before the server says so: the question is answered. */
export function forgetQuestion(approvalId: string): void {
  useLive.setState(({ questions }) => ({
    questions: questions.filter((question) => question.approvalId !== approvalId),
  }))
}
