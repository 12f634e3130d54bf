/** One worktree: where it stands, its files, and what can be done with it. */
import { call } from '@millrace/client'
import type { MergeWorktreeResponse, Worktree, WorktreeChangesResponse } from '@millrace/protocol'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { connection } from '#app/session.ts'
import { File } from '#run/changes/changes-view.tsx'
import { useAction } from '#run/use-action.ts'
import { Badge } from '#ui/badge.tsx'
import { Button } from '#ui/button.tsx'
import { Problem } from '#ui/notice.tsx'
import { RelativeTime } from '#ui/time.tsx'
import { mergedText, standsText } from './words.ts'

interface WorktreeCardProps {
  worktree: Worktree
  /** It was merged, kept or discarded: what there is to say about it. */
  onDone(words: string): void
}

export function WorktreeCard({ worktree, onDone }: WorktreeCardProps) {
  const { id, branch, run, kept } = worktree
  const { perform, isPending, error } = useAction()
  const [changes, setChanges] = useState<WorktreeChangesResponse | null>(null)
  const [isSure, setSure] = useState(false)
  const path = `/api/worktrees/${encodeURIComponent(id)}`
  const toggle = async () => {
    if (changes !== null) setChanges(null)
    else setChanges(await call(connection, { path: `${path}/changes` }))
  }
  const merge = async () => {
    const request = { method: 'POST', path: `${path}/merge` }
    onDone(mergedText(branch, await call<MergeWorktreeResponse>(connection, request)))
  }
  const keep = async () => {
    await call(connection, { method: 'POST', path: `${path}/keep` })
    onDone(`${branch} is kept until it is merged or discarded.`)
  }
  const discard = async () => {
    await call(connection, { method: 'DELETE', path })
    onDone(`${branch} was discarded.`)
  }
  return (
    <article aria-label={`Worktree ${branch}`} className="rounded-lg border border-line bg-panel">
      <Standing worktree={worktree} />
      <div className="flex flex-wrap gap-2 border-t border-line px-4 py-2.5">
        <Button disabled={isPending} aria-expanded={changes !== null} onClick={() => perform(toggle)}>
          Changes
        </Button>
        <Button look="good" disabled={isPending || run !== null} onClick={() => perform(merge)}>
          Merge
        </Button>
        {!kept && (
          <Button disabled={isPending} onClick={() => perform(keep)}>
            Keep
          </Button>
        )}
        <span className="flex-1" />
        {isSure && (
          <Button look="quiet" onClick={() => setSure(false)}>
            Cancel
          </Button>
        )}
        <Button
          look="danger"
          disabled={isPending || run !== null}
          onClick={() => (isSure ? void perform(discard) : setSure(true))}
        >
          {isSure ? 'Discard its work' : 'Discard…'}
        </Button>
      </div>
      {error !== null && (
        <div className="px-4 pb-3">
          <Problem message={error.message} />
        </div>
      )}
      {changes !== null && <Changes changes={changes} />}
    </article>
  )
}

function Standing({ worktree }: Pick<WorktreeCardProps, 'worktree'>) {
  const { branch, project, owner, run, kept, usedAt } = worktree
  return (
    <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5">
      <h2 className="min-w-0 truncate font-mono text-[13px] font-medium" title={worktree.path}>
        {branch}
      </h2>
      {kept && <Badge>kept</Badge>}
      {run !== null && (
        <Link to="/runs/$runId" params={{ runId: run }}>
          <Badge tone="live">at work</Badge>
        </Link>
      )}
      <p className="flex w-full flex-wrap gap-x-3 text-[12px] text-muted">
        <span>{project}</span>
        <span>
          by {owner}, used <RelativeTime at={usedAt} />
        </span>
        <span>{standsText(worktree)}</span>
      </p>
    </header>
  )
}

const openFiles = 6

function Changes({ changes: { files, filesLeftOut } }: { changes: WorktreeChangesResponse }) {
  return (
    <div className="flex flex-col gap-2 border-t border-line p-3">
      {files.length === 0 && <p className="text-muted">It has the files of the project’s commit.</p>}
      {files.map((file, index) => (
        <File key={file.path} file={file} isOpenAtFirst={index < openFiles} />
      ))}
      {filesLeftOut > 0 && <p className="text-muted">{filesLeftOut} more files changed.</p>}
    </div>
  )
}
