/** The page of one run. */
import { useRun } from '@millrace/react'
import { Problem } from '#ui/notice.tsx'
import { standingOf, titleOf } from '#ui/run-words.ts'
import { StateDot } from '#ui/state-dot.tsx'

export default function RunPage({ runId }: { runId: string }) {
  const { run, error, retry } = useRun(runId)
  if (run === null) return error === null ? null : <Problem message={error.message} retry={retry} />
  return (
    <header className="flex items-center gap-2 border-b border-line px-4 py-3">
      <StateDot run={run} />
      <h1 className="truncate text-[15px] font-semibold">{titleOf(run)}</h1>
      <span className="text-muted">{standingOf(run).label}</span>
    </header>
  )
}
