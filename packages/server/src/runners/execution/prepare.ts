/** From a request for an execution to the spec of its run. */
import { type ExecutionLimitsBody, type FieldError, MillraceError } from '@millrace/protocol'
import { invalidRequest, readRequest, startExecutionBody } from '@millrace/protocol/schemas'
import type { ExecutionLimits } from '#agents/agent'
import type { Project } from '#config/config'
import type { Engines } from './engines.ts'
import { limitProblems, limitsOf } from './limits.ts'

/** The spec in an execution's row. */
export interface ExecutionSpec {
  project: string
  task: string
  context?: string | Record<string, unknown>
  model?: string
  limits?: ExecutionLimitsBody
  approvals?: 'on' | 'off'
  /** The prompt of a resumed execution for which none was given. The conversation already has the task. */
  continuation?: string
}

interface PrepareParts {
  projects: ReadonlyMap<string, Project>
  engines: Pick<Engines, 'find' | 'whyNot' | 'models'>
  bounds: ExecutionLimits
}

/**
 * Checks a request, or the spec of an earlier execution. Throws `invalid_request` naming every field at fault, and
 * `agent_unavailable` where the engine of the model can run nothing.
 */
export function prepareExecution(
  request: Record<string, unknown>,
  { projects, engines, bounds }: PrepareParts,
): { project: string; spec: Record<string, unknown> } {
  const { continuation, ...body } = request
  const { kind: _kind, ...asked } = readRequest(startExecutionBody, body)
  const project = projectOf(asked.project, projects)
  const fields = typeof project === 'string' ? [{ path: 'project', expected: project }] : []
  fields.push(...limitProblems(asked.limits, bounds))
  const engine = engines.find(asked.model)
  if (engine === null) fields.push({ path: 'model', expected: oneOf(engines.models, 'model') })
  else {
    const whyNot = engines.whyNot(engine)
    if (whyNot !== null) throw new MillraceError('agent_unavailable', whyNot)
    fields.push(...refusalsOf(engine.engine, asked, bounds))
  }
  if (typeof project === 'string' || fields.length > 0) throw invalidRequest(fields)
  const resumed = typeof continuation === 'string' ? { continuation } : {}
  return { project: project.id, spec: { ...asked, ...resumed, project: project.id } }
}

/** An engine refuses a model, or a limit in dollars on a model whose price it does not know. */
function refusalsOf(
  engine: { refuses(request: { model: string | undefined; limits: ExecutionLimits }): string | null },
  { model, limits: asked }: { model?: string | undefined; limits?: ExecutionLimitsBody | undefined },
  bounds: ExecutionLimits,
): FieldError[] {
  const limits = limitsOf(asked, bounds)
  const refused = engine.refuses({ model, limits: { ...limits, usd: null } })
  if (refused !== null) return [{ path: 'model', expected: refused }]
  const unpriced = limits.usd === null ? null : engine.refuses({ model, limits })
  if (unpriced === null) return []
  if (asked?.usd !== undefined) return [{ path: 'limits.usd', expected: unpriced }]
  const bound = `a model that can keep to $${limits.usd} (executions.usd of the configuration)`
  return [{ path: 'model', expected: `${bound}. ${unpriced}` }]
}

/** Returns the project, or a description of what was expected. */
function projectOf(id: string | undefined, projects: ReadonlyMap<string, Project>): Project | string {
  const [first, ...others] = projects.values()
  const only = id === undefined && others.length === 0 ? first : undefined
  return only ?? projects.get(id ?? '') ?? oneOf([...projects.keys()], 'project')
}

const shown = 20

function oneOf(names: readonly string[], what: string): string {
  if (names.length === 0) return `a ${what}, but this server has none`
  const listed = names.slice(0, shown).join(', ')
  return `one of ${listed}${names.length > shown ? ', …' : ''}`
}
