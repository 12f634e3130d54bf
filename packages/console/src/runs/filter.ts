/** Which runs a list shows: kept in the address of the page. */
import {
  type ListRunsQuery,
  type Run,
  type RunKind,
  type RunOutcome,
  type RunState,
  runKinds,
  runOutcomes,
  runStates,
} from '@millrace/protocol'

export interface RunFilter {
  state?: RunState
  outcome?: RunOutcome
  kind?: RunKind
  project?: string
  owner?: string
  q?: string
}

/** Reads a filter from an address; what makes no sense is left out. */
export function filterOf(search: Record<string, unknown>): RunFilter {
  const text = (name: string) => {
    const value = search[name]
    return typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined
  }
  const filter: Record<keyof RunFilter, string | undefined> = {
    state: runStates.find((state) => state === search.state),
    outcome: runOutcomes.find((outcome) => outcome === search.outcome),
    kind: runKinds.find((kind) => kind === search.kind),
    project: text('project'),
    owner: text('owner'),
    q: text('q'),
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

export function queryOf(filter: RunFilter): ListRunsQuery {
  return { ...filter }
}

const promptCharsSearched = 500

/** Does a run belong in the list? As the server decides it. */
export function matches(run: Run, { state, outcome, kind, project, owner, q }: RunFilter): boolean {
  return (
    (state === undefined || run.state === state) &&
    (outcome === undefined || run.outcome === outcome) &&
    (kind === undefined || run.kind === kind) &&
    (project === undefined || run.project === project) &&
    (owner === undefined || run.owner === owner) &&
    (q === undefined || searchedTexts(run).some((text) => text.includes(q.toLowerCase())))
  )
}

function searchedTexts({ id, spec }: Run): string[] {
  return [id, spec.title, spec.tool, spec.prompt, spec.task]
    .filter((text) => typeof text === 'string')
    .map((text) => text.slice(0, promptCharsSearched).toLowerCase())
}
