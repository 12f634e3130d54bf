/** All runs, as they are now: filtered by the address, with a keyboard's ways about. */
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import { useDocumentState } from '#app/document-state.ts'
import { openStart } from '#start/start-store.ts'
import { Button } from '#ui/button.tsx'
import { Empty, Loading, Problem } from '#ui/notice.tsx'
import type { RunFilter } from './filter.ts'
import { FilterBar } from './filter-bar.tsx'
import { RunTable } from './run-table.tsx'
import { useRunList } from './use-run-list.ts'

export function RunsPage() {
  useDocumentState('Runs')
  const filter: RunFilter = useSearch({ from: '/runs' })
  const navigate = useNavigate()
  const change = useCallback(
    (changed: RunFilter) => void navigate({ to: '/runs', search: changed, replace: true }),
    [navigate],
  )
  const list = useRunList(filter)
  const isFiltered = Object.keys(filter).length > 0
  return (
    <>
      <h1 className="sr-only">Runs</h1>
      <FilterBar filter={filter} change={change} list={list} />
      {list.error !== null && (
        <div className="p-4">
          <Problem message={list.error.message} retry={list.reload} />
        </div>
      )}
      {list.isLoading && <Loading rows={8} />}
      {!list.isLoading && list.error === null && list.runs.length === 0 && (
        <Empty title={isFiltered ? 'No run fits' : 'No runs yet'}>
          {isFiltered ? (
            <Button onClick={() => change({})}>Clear the filter</Button>
          ) : (
            <Button look="primary" onClick={() => openStart()}>
              New run
            </Button>
          )}
        </Empty>
      )}
      <RunTable list={list} />
    </>
  )
}
