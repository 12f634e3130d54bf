import { nameOf } from '@millrace/protocol/view'
import { useAgentExecution, useClient, useRuns } from '@millrace/react'
import { type FormEvent, useEffect, useState } from 'react'

/** Starts an execution, or opens one that there is. */
export function Home({ onOpen }: { onOpen: (runId: string) => void }) {
  const [task, setTask] = useState('')
  const projects = useProjects()
  const [chosen, setChosen] = useState<string | null>(null)
  const projectId = chosen ?? projects[0]
  const { startExecution, isExecuting, error } = useAgentExecution()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const id = await startExecution(task, undefined, { projectId })
    if (id !== null) onOpen(id)
  }
  return (
    <main className="home">
      <h1>Executions</h1>
      <form onSubmit={submit}>
        <label htmlFor="task">What is to be done?</label>
        <div className="row">
          <input id="task" value={task} onChange={({ target }) => setTask(target.value)} />
          {projects.length > 1 && (
            <select aria-label="Project" value={projectId} onChange={({ target }) => setChosen(target.value)}>
              {projects.map((id) => (
                <option key={id}>{id}</option>
              ))}
            </select>
          )}
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

/** A call of one's own, with the client of the provider. */
function useProjects(): string[] {
  const client = useClient()
  const [ids, setIds] = useState<string[]>([])
  useEffect(() => {
    const leave = new AbortController()
    client.projects({ signal: leave.signal }).then(
      ({ projects }) => setIds(projects.map(({ id }) => id)),
      () => {}, // The lists below say why the server refuses.
    )
    return () => leave.abort()
  }, [client])
  return ids
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
