/** For admins: what is stored, whose it is, how long it is kept, and how to delete what is old. */
import { ClientError, call } from '@millrace/client'
import type { StorageResponse } from '@millrace/protocol'
import { useCallback, useEffect, useState } from 'react'
import { connection } from '#app/session.ts'
import { Button } from '#ui/button.tsx'
import { Problem } from '#ui/notice.tsx'
import { bytesText } from './bytes-text.ts'
import { Section } from './section.tsx'

interface Pruned {
  runs: number
  events: number
  bytes?: number
}

export function Storage() {
  const [report, setReport] = useState<StorageResponse | null>(null)
  const [said, setSaid] = useState<string | null>(null)
  const [due, setDue] = useState<Pruned | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [isPending, setPending] = useState(false)
  const attempt = useCallback(async (work: () => Promise<void>) => {
    setPending(true)
    setProblem(null)
    try {
      await work()
      setReport(await call<StorageResponse>(connection, { path: '/api/admin/storage' }))
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      setProblem(error.message)
    } finally {
      setPending(false)
    }
  }, [])
  useEffect(() => void attempt(async () => {}), [attempt])
  const prune = (dryRun: boolean) =>
    attempt(async () => {
      const body = { dryRun }
      const pruned = await call<Pruned>(connection, { method: 'POST', path: '/api/admin/prune', body })
      setDue(dryRun && pruned.runs + pruned.events > 0 ? pruned : null)
      setSaid(dryRun ? dueText(pruned) : `Deleted: ${countText(pruned)}.`)
    })
  return (
    <Section title="Storage">
      <div className="flex flex-col gap-4">
        {problem !== null && <Problem message={problem} />}
        {report !== null && <Facts report={report} />}
        {report !== null && report.owners.length > 0 && <Owners report={report} />}
        <div className="flex flex-wrap items-center gap-3">
          <Button disabled={isPending} onClick={() => void prune(true)}>
            What is old enough to delete?
          </Button>
          {due !== null && (
            <Button look="danger" disabled={isPending} onClick={() => void prune(false)}>
              Delete it now
            </Button>
          )}
          <span role="status" className="text-soft">
            {said}
          </span>
        </div>
      </div>
    </Section>
  )
}

function Facts({ report: { storeBytes, freeBytes, retention } }: { report: StorageResponse }) {
  const { days, events } = retention
  const facts: [name: string, value: string][] = [
    ['Stored', storeBytes === null ? 'in a database elsewhere' : bytesText(storeBytes)],
    ['Free on the disk', bytesText(freeBytes)],
    ['Runs are kept', `${days} ${days === 1 ? 'day' : 'days'} after their end`],
    ['Events of a log', events === null ? 'all' : `the newest ${events.toLocaleString('en')}`],
  ]
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-3 sm:grid-cols-4">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="text-[12px] text-muted">{name}</dt>
          <dd className="font-medium tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Owners({ report: { owners, ownerBytesMax } }: { report: StorageResponse }) {
  return (
    <ul aria-label="Owners" className="divide-y divide-line border-y border-line">
      {owners.map(({ owner, bytes }) => (
        <li key={owner} className="flex h-9 items-center gap-3">
          <span className="w-32 truncate font-medium" title={owner}>
            {owner}
          </span>
          <meter
            min={0}
            max={ownerBytesMax}
            value={bytes}
            aria-label={`What the runs of ${owner} take`}
            className="h-2 min-w-16 flex-1"
          />
          <span className="text-[12px] whitespace-nowrap text-muted tabular-nums">
            {bytesText(bytes)} of {bytesText(ownerBytesMax)}
          </span>
        </li>
      ))}
    </ul>
  )
}

function countText({ runs, events, bytes }: Pruned): string {
  const room = bytes === undefined ? '' : `, ${bytesText(bytes)} of the disk`
  return `${runs.toLocaleString('en')} runs, ${events.toLocaleString('en')} events${room}`
}

function dueText(pruned: Pruned): string {
  return pruned.runs + pruned.events === 0 ? 'Nothing.' : `${countText(pruned)}.`
}
