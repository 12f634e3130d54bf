/** The git worktrees of sessions: what each has that the project has not, merged or discarded. */
import { ClientError, call } from '@millrace/client'
import type { Worktree, WorktreesResponse } from '@millrace/protocol'
import { useCallback, useEffect, useState } from 'react'
import { useDocumentState } from '#app/document-state.ts'
import { connection } from '#app/session.ts'
import { onRunChange } from '#live/live-store.ts'
import { paced } from '#live/paced.ts'
import { Button } from '#ui/button.tsx'
import { Empty, Loading, Problem } from '#ui/notice.tsx'
import { WorktreeCard } from './worktree-card.tsx'

/** How often they are read again while runs change. */
const againMs = 1000

export default function WorktreesPage() {
  useDocumentState('Worktrees')
  const { worktrees, problem, read } = useWorktrees()
  const [said, setSaid] = useState<string | null>(null)
  const done = (words: string) => {
    setSaid(words)
    void read()
  }
  return (
    <div className="mx-auto flex max-w-4xl flex-col gap-4 px-4 py-6">
      <div className="flex items-center gap-3">
        <h1 className="flex-1 text-[18px] font-semibold tracking-tight">Worktrees</h1>
        <Button look="quiet" onClick={() => void read()}>
          Read again
        </Button>
      </div>
      <p role="status" className={said === null ? 'sr-only' : 'rounded-md bg-good-soft px-3 py-2 text-good'}>
        {said}
      </p>
      {problem !== null && <Problem message={problem} retry={() => void read()} />}
      {worktrees === null && problem === null && <Loading />}
      {worktrees?.length === 0 && (
        <Empty title="There is no worktree">
          A session that is started in a git worktree works beside others of its project; what it did is
          merged here.
        </Empty>
      )}
      {worktrees?.map((one) => (
        <WorktreeCard key={one.id} worktree={one} onDone={done} />
      ))}
    </div>
  )
}

function useWorktrees() {
  const [worktrees, setWorktrees] = useState<Worktree[] | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const read = useCallback(async () => {
    try {
      setWorktrees((await call<WorktreesResponse>(connection, { path: '/api/worktrees' })).worktrees)
      setProblem(null)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      setProblem(error.message)
    }
  }, [])
  useEffect(() => {
    const leave = new AbortController()
    const readSoon = paced(read, againMs, leave.signal)
    readSoon()
    const stop = onRunChange(readSoon)
    return () => {
      stop()
      leave.abort()
    }
  }, [read])
  return { worktrees, problem, read }
}
