import type { ListRunsResponse, Run } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { announceChange, onRunChange } from '../../src/live/live-store.ts'
import type { RunFilter } from '../../src/runs/filter.ts'
import { RunList } from '../../src/runs/run-list.ts'
import { running, someRun } from '../support/runs.ts'

/** A list whose pages are answered when the test says so. */
function openList(filter: RunFilter = {}) {
  const asked: { answer(page: ListRunsResponse): void }[] = []
  const list = new RunList({ list: () => new Promise((answer) => void asked.push({ answer })) }, filter)
  onRunChange((change) => list.apply(change))
  const answer = (runs: Run[], nextCursor: string | null = null) =>
    asked.shift()?.answer({ runs, nextCursor })
  const ids = () => list.state.runs.map(({ id }) => id)
  return { list, answer, ids }
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 80))

describe('a live list', () => {
  it('a change that arrives while the list is read is not lost when the older answer arrives', async () => {
    const { list, answer, ids } = openList()
    const [old, working] = [someRun(), someRun(running)]
    const loading = list.load()
    const created = someRun(running)
    announceChange({ action: 'update', run: { ...working, state: 'aborted', outcome: 'aborted', head: 9 } })
    announceChange({ action: 'create', run: created })
    announceChange({ action: 'delete', run: old })
    answer([working, old])
    await loading
    await soon()
    expect(ids()).toEqual([created.id, working.id])
    expect(list.state.runs[1]?.state).toBe('aborted')
  })

  it('a run that no longer passes the filter leaves the list, and one that begins to enters it', async () => {
    const { list, answer, ids } = openList({ state: 'running' })
    const working = someRun(running)
    const loading = list.load()
    answer([working])
    await loading
    const queued = someRun({ ...running, state: 'queued' })
    announceChange({ action: 'create', run: queued })
    announceChange({ action: 'update', run: { ...queued, state: 'running', head: 4 } })
    announceChange({ action: 'update', run: { ...working, state: 'completed', outcome: 'success', head: 5 } })
    await soon()
    expect(ids()).toEqual([queued.id])
  })

  it('a changed run that is older than the last one read waits for its page', async () => {
    const { list, answer, ids } = openList()
    const [older, newer] = [someRun(running), someRun()]
    const loading = list.load()
    answer([newer], 'next')
    await loading
    announceChange({ action: 'update', run: { ...older, head: 9 } })
    await soon()
    expect(ids()).toEqual([newer.id])
    const more = list.loadMore()
    answer([older])
    await more
    expect(ids()).toEqual([newer.id, older.id])
    expect(list.state.hasMore).toBe(false)
  })
})
