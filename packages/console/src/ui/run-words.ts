/** What a run is called, how it stands, and which colour that has: the same on every page. */
import type { ExecutionResponse, Run } from '@millrace/protocol'
import type { Tone } from './badge.tsx'

export interface Standing {
  /** One or two words: `running`, `exit 1`, `timed out`. */
  label: string
  tone: Tone
  /** It is at work right now. */
  isLive: boolean
}

/** How a run stands: its state while it is open, else how it ended. */
export function standingOf({ kind, state, outcome, result }: Run): Standing {
  switch (state) {
    case 'queued':
      return { label: 'queued', tone: 'neutral', isLive: false }
    case 'starting':
    case 'running':
      return { label: state, tone: 'live', isLive: true }
    case 'errored':
      return { label: 'failed', tone: 'bad', isLive: false }
    case 'aborted':
      return { label: 'aborted', tone: 'neutral', isLive: false }
    case 'interrupted':
      return { label: 'interrupted', tone: 'wait', isLive: false }
    case 'completed':
      if (outcome === 'success')
        return { label: kind === 'job' ? 'ok' : 'completed', tone: 'good', isLive: false }
      return { label: failureOf(result as Partial<ExecutionResponse> | null), tone: 'bad', isLive: false }
    default:
      return state satisfies never
  }
}

function failureOf(result: Partial<ExecutionResponse> | null): string {
  const { exitCode, signal, timedOut, limit } = result ?? {}
  if (timedOut) return 'timed out'
  if (limit === 'protected') return 'protected files'
  if (limit !== undefined) return `${limit} limit`
  return signal ?? `exit ${exitCode ?? '?'}`
}

const titleCharsMax = 160

/** The name of a run: its title, its tool, or the first line of what was asked. */
export function titleOf({ kind, spec }: Pick<Run, 'kind' | 'spec'>): string {
  const said = spec.title ?? spec.tool ?? spec.prompt ?? spec.task
  const line = typeof said === 'string' ? (said.trim().split('\n')[0] ?? '') : ''
  return line === '' ? kind : line.slice(0, titleCharsMax)
}

/** The arguments of a job, as one writes them. */
export function argumentsOf({ spec }: Pick<Run, 'spec'>): string {
  if (typeof spec.args !== 'object' || spec.args === null) return ''
  return Object.entries(spec.args)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ')
}

/** What it cost in US dollars, where that is known. */
export function costOf({ usage }: Pick<Run, 'usage'>): number | null {
  const cost = usage?.costUsd ?? usage?.total_cost_usd
  return typeof cost === 'number' ? cost : null
}

export function costText(costUsd: number): string {
  return costUsd < 0.995
    ? `$${costUsd.toFixed(costUsd < 0.01 && costUsd > 0 ? 3 : 2)}`
    : `$${costUsd.toFixed(2)}`
}
