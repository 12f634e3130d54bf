import type { Run } from '@millrace/protocol'

let made = 0

/** A job that succeeded, unless told otherwise; each is newer than the one before. */
export function someRun(values: Partial<Run> = {}): Run {
  made += 1
  return {
    id: `run-${made}`,
    kind: 'job',
    project: 'web',
    owner: 'ann',
    state: 'completed',
    outcome: 'success',
    spec: { tool: 'npm:test' },
    attempt: 1,
    createdAt: made * 1000,
    startedAt: made * 1000,
    finishedAt: made * 1000 + 500,
    result: null,
    error: null,
    usage: null,
    head: 3,
    retryOf: null,
    resumes: null,
    forkOf: null,
    ...values,
  }
}

export const running = { state: 'running', outcome: null, finishedAt: null } as const
