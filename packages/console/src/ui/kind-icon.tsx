import type { RunKind } from '@millrace/protocol'
import { ExecutionIcon, ExternalIcon, JobIcon, SessionIcon } from './icons.tsx'

const icons = { job: JobIcon, session: SessionIcon, execution: ExecutionIcon, external: ExternalIcon }

export const kindNames: Record<RunKind, string> = {
  job: 'Job',
  session: 'Session',
  execution: 'Execution',
  external: 'External',
}

/** The icon of a kind, with its name for those who do not see it. */
export function KindIcon({ kind }: { kind: RunKind }) {
  const Icon = icons[kind]
  return (
    <span title={kindNames[kind]} className="inline-flex text-muted">
      <Icon />
      <span className="sr-only">{kindNames[kind]}</span>
    </span>
  )
}
