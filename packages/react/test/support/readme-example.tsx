import { useAgentExecution, useAgentSSE, useAgentStore } from '#index'

function ExecutionView({ executionId }: { executionId: string }) {
  const { connectionStatus, retry } = useAgentSSE(executionId)
  const plan = useAgentStore((state) => state.plan)
  const phases = useAgentStore((state) => state.phases)
  const thinkingSteps = useAgentStore((state) => state.thinkingSteps)
  return (
    <section>
      <p>
        {connectionStatus}{' '}
        {connectionStatus === 'failed' && (
          <button type="button" onClick={retry}>
            Try again
          </button>
        )}
      </p>
      <h2>{plan?.goal}</h2>
      <ol>
        {phases.map(({ id, name, status }) => (
          <li key={id}>
            {name}: {status}
          </li>
        ))}
      </ol>
      {thinkingSteps.map(({ key, thought }) => (
        <p key={key}>{thought}</p>
      ))}
    </section>
  )
}

function ExecutionControl() {
  const { startExecution, cancelExecution, currentExecution, isExecuting, error } = useAgentExecution()
  return (
    <>
      <button
        type="button"
        disabled={isExecuting}
        onClick={() => startExecution('Tidy up', { folder: 'src' })}
      >
        Start
      </button>
      <button type="button" disabled={!isExecuting} onClick={cancelExecution}>
        Cancel
      </button>
      {error !== null && <p role="alert">{error}</p>}
      {currentExecution?.id && <ExecutionView executionId={currentExecution.id} />}
    </>
  )
}

export function App() {
  return <ExecutionControl />
}
