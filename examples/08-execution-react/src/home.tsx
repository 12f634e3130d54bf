import { nameOf } from '@millrace/protocol/view'
import { useAgentExecution, useRuns } from '@millrace/react'
import { type FormEvent, useState } from 'react'

/** Starts an execution, or opens one that there is. */
export function Home({ onOpen }: { onOpen: (runId: string) => void }) {
  const [task, setTask] = useState('')
  const { startExecution, isExecuting, error } = useAgentExecution()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const id = await startExecution(task)
    if (id !== null) onOpen(id)
  }
  return (
    <main className="home">
      <h1>Executions</h1>
      <form onSubmit={submit}>
        <label htmlFor="task">What is to be done?</label>
        <div className="row">
          <input id="task" value={task} onChange={({ target }) => setTask(target.value)} />
          <button type="submit" disabled={isExecuting || task.trim() === ''}>
            Start
          </button>
        </div>
        {error !== null && <p role="alert">{error}</p>}
      </form>
      <Recent title="Your agents" kind="execution" onOpen={onOpen} />
      <Recent title="Programs that report" kind="external" onOpen={onOpen} />
    </main>
  )
}

interface RecentProps {
  title: string
  kind: 'execution' | 'external'
  onOpen: (runId: string) => void
}

function Recent({ title, kind, onOpen }: RecentProps) {
  const { runs, isLoading, hasMore, loadMore, error } = useRuns({ kind, limit: 10 })
  return (
    <section>
      <h2>{title}</h2>
      {error !== null && <p role="alert">{error.message}</p>}
      {!isLoading && runs.length === 0 && error === null && <p className="quiet">None yet.</p>}
      <ul className="runs">
        {runs.map((run) => (
          <li key={run.id}>
            <button type="button" onClick={() => onOpen(run.id)}>
              <span>{nameOf(run)}</span>
              <span className="quiet">{run.state}</span>
            </button>
          </li>
        ))}
      </ul>
      {hasMore && (
        <button type="button" onClick={loadMore}>
          Older ones
        </button>
      )}
    </section>
  )
}
