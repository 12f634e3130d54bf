/** What a run changed in its project: the files, each with its diff, and the commands it ran. */
import type { FileChange, RunChangesResponse } from '@millrace/protocol'
import { useId, useState } from 'react'
import { ChevronIcon } from '#run/icons.tsx'
import { Badge } from '#ui/badge.tsx'
import { classes } from '#ui/classes.ts'
import { Empty, Loading, Problem } from '#ui/notice.tsx'
import { Path } from '#ui/path.tsx'
import { Diff } from './diff.tsx'
import { hunkLines } from './lines.ts'
import type { UsedChanges } from './use-changes.ts'

export function ChangesView({ changes, error, retry, isOver }: UsedChanges & { isOver: boolean }) {
  if (changes === null) {
    return error === null ? (
      <Loading />
    ) : (
      <div className="p-4">
        <Problem message={error.message} retry={retry} />
      </div>
    )
  }
  const { files, filesLeftOut, complete } = changes
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keyboard
    <section aria-label="Files changed" tabIndex={0} className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-5xl flex-col gap-3 p-4">
        <h2 className="sr-only">Files changed</h2>
        {!complete && (
          <p className="text-muted">
            The beginning of the log is no longer kept: earlier changes are missing.
          </p>
        )}
        {files.length === 0 ? (
          <Empty title={isOver ? 'No file was changed' : 'No file has changed yet'}>
            What an agent writes and edits is shown here.
          </Empty>
        ) : (
          <Summary changes={changes} />
        )}
        {files.map((file, index) => (
          <File key={file.path} file={file} isOpenAtFirst={index < openFiles} />
        ))}
        {filesLeftOut > 0 && <p className="text-muted">{filesLeftOut} more files changed.</p>}
        <Commands changes={changes} />
      </div>
    </section>
  )
}

const openFiles = 12

function Summary({ changes: { files } }: { changes: RunChangesResponse }) {
  const sum = (name: 'additions' | 'deletions') => files.reduce((total, file) => total + file[name], 0)
  return (
    <p className="text-soft">
      {files.length} {files.length === 1 ? 'file' : 'files'} changed,{' '}
      <span className="text-good">+{sum('additions')}</span>{' '}
      <span className="text-bad">−{sum('deletions')}</span>
    </p>
  )
}

const tones = { added: 'good', modified: 'live', deleted: 'bad' } as const

/** What changed in one file. */
export function File({ file, isOpenAtFirst }: { file: FileChange; isOpenAtFirst: boolean }) {
  const [isOpen, setOpen] = useState(isOpenAtFirst)
  const id = useId()
  return (
    <article className="overflow-hidden rounded-lg border border-line">
      <h3>
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
          className="flex w-full items-center gap-2 bg-raised px-3 py-2 text-left hover:bg-hover"
        >
          <ChevronIcon className={classes('size-3.5 text-muted', isOpen && 'rotate-90')} />
          <Path path={file.path} className="flex-1 font-mono text-[12px] font-medium" />
          <Badge tone={tones[file.status]}>{file.status}</Badge>
          <span className="text-[12px] whitespace-nowrap tabular-nums">
            <span className="text-good">+{file.additions}</span>{' '}
            <span className="text-bad">−{file.deletions}</span>
          </span>
        </button>
      </h3>
      {isOpen && (
        <div id={id} className="border-t border-line">
          {file.diff === '' ? (
            <p className="px-3 py-2 text-muted">
              {file.additions + file.deletions === 0
                ? 'The lines are not known: a command changed it, or it is empty.'
                : 'There are too many lines to show.'}
            </p>
          ) : (
            <Diff lines={hunkLines(file.diff)} />
          )}
        </div>
      )}
    </article>
  )
}

function Commands({ changes: { commands, commandsLeftOut } }: { changes: RunChangesResponse }) {
  if (commands.length === 0) return null
  return (
    <div>
      <h3 className="pt-3 pb-1 font-medium text-soft">Commands</h3>
      <ul className="rounded-lg border border-line">
        {commands.map(({ command, status, exitCode }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: commands are only added
          <li key={index} className="flex items-start gap-3 border-b border-line px-3 py-1.5 last:border-0">
            <code className="line-clamp-3 min-w-0 flex-1 font-mono text-[12px] break-all whitespace-pre-wrap">
              {command}
            </code>
            <Badge tone={status === 'ok' ? 'good' : status === 'running' ? 'live' : 'bad'}>
              {exitCode === null ? status : `exit ${exitCode}`}
            </Badge>
          </li>
        ))}
      </ul>
      {commandsLeftOut > 0 && (
        <p className="pt-1 text-muted">{commandsLeftOut} earlier ones are in the log.</p>
      )}
    </div>
  )
}
