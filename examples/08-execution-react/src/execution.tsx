import { nest } from '@millrace/protocol/view'
import { useAgentExecution, useAgentSSE, useAgentStore } from '@millrace/react'
import { Banner } from './banner.tsx'
import { Items, textOf } from './items.tsx'
import { Plan } from './plan.tsx'

/** What an execution plans, thinks and does, as it happens. */
export function Execution({ runId, onLeave }: { runId: string; onLeave: () => void }) {
  const { connectionStatus, error: connectionError, retry } = useAgentSSE(runId)
  const execution = useAgentStore((state) => state.currentExecution)
  const isExecuting = useAgentStore((state) => state.isExecuting)
  const { cancelExecution, error } = useAgentExecution()
  // Before the effects of this component there is nothing to show, or what was shown before.
  const shown = execution?.id === runId ? execution : null
  return (
    <main className="execution" data-head={shown?.head ?? 0} data-state={shown?.state}>
      <header>
        <button type="button" className="quiet" onClick={onLeave}>
          ← All
        </button>
        <h1>{shown?.task ?? shown?.goal ?? 'Execution'}</h1>
        <span className={`state ${shown?.state ?? ''}`}>{shown?.state}</span>
        {isExecuting && (
          <button type="button" onClick={cancelExecution}>
            Cancel
          </button>
        )}
      </header>
      <Banner status={connectionStatus} reason={connectionError?.message} onRetry={retry} />
      {error !== null && connectionStatus !== 'failed' && <p role="alert">{error}</p>}
      {shown !== null && (
        <div className="columns">
          <Plan goal={shown.goal} phases={shown.phases} tokens={shown.tokens} costUsd={shown.costUsd} />
          <section aria-label="Steps" className="steps">
            <Items nested={nest(shown.items)} />
            {shown.result !== undefined && <Result value={shown.result} durationMs={shown.durationMs} />}
          </section>
        </div>
      )}
    </main>
  )
}

function Result({ value, durationMs }: { value: unknown; durationMs: number | null }) {
  return (
    <section className="result" aria-label="Result">
      <h2>Result</h2>
      <pre>{textOf(value)}</pre>
      {durationMs !== null && <p className="quiet">{(durationMs / 1000).toFixed(1)} s</p>}
    </section>
  )
}
