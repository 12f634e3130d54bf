import { useState } from 'react'
import { Execution } from './execution.tsx'
import { Home } from './home.tsx'

const runInAddress = () => new URLSearchParams(location.search).get('run')

export function App() {
  const [runId, setRunId] = useState(runInAddress)
  const show = (id: string | null) => {
    history.replaceState(null, '', id === null ? '/' : `/?run=${encodeURIComponent(id)}`)
    setRunId(id)
  }
  return runId === null ? (
    <Home onOpen={show} />
  ) : (
    <Execution key={runId} runId={runId} onLeave={() => show(null)} />
  )
}
