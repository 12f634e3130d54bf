/** The page of one run: a log for jobs, a conversation for agents. It is loaded when it is first opened. */
import type { ClientError } from '@millrace/client'
import type { Run } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { Link } from '@tanstack/react-router'
import { useCallback, useEffect, useState } from 'react'
import { buttonClasses } from '#ui/button.tsx'
import { classes } from '#ui/classes.ts'
import { Empty, Loading, Problem } from '#ui/notice.tsx'
import { AgentPage } from './agent-page.tsx'
import { JobPage } from './job-page.tsx'

export default function RunPage({ runId }: { runId: string }) {
  const { run, error, read } = useRecord(runId)
  if (run === null) {
    if (error === null) return <Loading />
    if (error.code === 'not_found') return <NoSuchRun />
    return (
      <div className="p-4">
        <Problem message={error.message} retry={read} />
      </div>
    )
  }
  return run.kind === 'job' ? <JobPage key={run.id} first={run} /> : <AgentPage key={run.id} first={run} />
}

function NoSuchRun() {
  return (
    <Empty title="There is no such run">
      <p>Old runs are deleted after a while, and those of other people are not shown.</p>
      <Link to="/runs" className={classes(buttonClasses(), 'mt-3')}>
        All runs
      </Link>
    </Empty>
  )
}

/** The record that tells of which kind the run is. What changes in it is read by the page of that kind. */
function useRecord(runId: string) {
  const client = useClient()
  const [known, setKnown] = useState<{ run: Run | null; error: ClientError | null }>({
    run: null,
    error: null,
  })
  const [count, setCount] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `count` reads it again
  useEffect(() => {
    const leave = new AbortController()
    client.get(runId, { signal: leave.signal }).then(
      (run) => setKnown({ run, error: null }),
      (error) => {
        if (!leave.signal.aborted) setKnown({ run: null, error })
      },
    )
    return () => leave.abort()
  }, [client, runId, count])
  const read = useCallback(() => setCount((before) => before + 1), [])
  return { ...known, read }
}
