/** How a run is named and its end put into a word or two, for lists. */
import type { ExecutionResponse } from '#jobs'
import type { Run } from '#runs'
import { recordOf } from './run.ts'
import { clip } from './tool-call.ts'

const nameCharsMax = 120

/** The name of a run: its tool, its title, or the beginning of what was asked. */
export function nameOf({ kind, spec }: Pick<Run, 'kind' | 'spec'>, charsMax = nameCharsMax): string {
  const given = [spec.tool, spec.title, spec.prompt, spec.task].find(
    (one) => typeof one === 'string' && one.trim() !== '',
  )
  return given === undefined ? kind : clip((given as string).trim(), charsMax)
}

/** `ok`, `exit 3`, `SIGSEGV`, `timed out`, `memory limit`; the state of any run that did not complete. */
export function resultText({
  kind,
  state,
  outcome,
  result,
}: Pick<Run, 'kind' | 'state' | 'outcome' | 'result'>): string {
  if (state !== 'completed') return state
  if (outcome !== 'failure') return 'ok'
  if (kind !== 'job') return 'failed'
  const { exitCode, signal, timedOut, limit } = recordOf(result) as Partial<ExecutionResponse>
  if (timedOut === true) return 'timed out'
  if (limit !== undefined) return `${limit} limit`
  if (typeof signal === 'string') return signal
  return typeof exitCode === 'number' ? `exit ${exitCode}` : 'failed'
}
