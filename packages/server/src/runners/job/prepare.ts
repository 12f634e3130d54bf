/** From a request for a job to the spec of its run. */
import { boundedFields, type FieldError, MillraceError } from '@millrace/protocol'
import { resolveCommand } from '#config/command-template'
import type { Project, Tool } from '#config/config'

/** The spec in a job's row. */
export interface JobSpec {
  project: string
  tool: string
  args?: Record<string, string>
}

/** Checks that the tool, the project and the arguments fit together. Throws `invalid_request`. */
export function prepareJob(
  request: Record<string, unknown>,
  config: { projects: ReadonlyMap<string, Project>; tools: ReadonlyMap<string, Tool> },
): { project: string; spec: Record<string, unknown> } {
  const { project: projectId, tool: toolId, args = {} } = request as unknown as JobSpec
  const project = config.projects.get(projectId)
  const tool = config.tools.get(toolId)
  const fields: FieldError[] = []
  if (tool === undefined) fields.push({ path: 'tool', expected: oneOf('tool', toolId, config.tools.keys()) })
  if (project === undefined) {
    fields.push({ path: 'project', expected: oneOf('project', projectId, config.projects.keys()) })
  }
  if (tool === undefined || project === undefined) {
    throw new MillraceError(
      'invalid_request',
      boundedFields(fields)
        .map(({ expected }) => expected)
        .join('; '),
      { fields },
    )
  }
  if (!tool.projects.includes(project.id)) {
    const expected = `a project the tool ${tool.id} may run in: ${tool.projects.join(', ')}`
    throw new MillraceError(
      'invalid_request',
      `The tool ${tool.id} may not run in the project ${project.id}`,
      {
        fields: [{ path: 'project', expected }],
      },
    )
  }
  resolveCommand(tool, project, args)
  const spec: JobSpec = {
    project: project.id,
    tool: tool.id,
    ...(Object.keys(args).length > 0 ? { args } : {}),
  }
  return { project: project.id, spec: { ...spec } }
}

const shown = 20

function oneOf(what: string, given: string, known: Iterable<string>): string {
  const names = [...known]
  const listed = names.length > shown ? `${names.slice(0, shown).join(', ')}, …` : names.join(', ')
  return `There is no ${what} ${JSON.stringify(String(given).slice(0, 100))}; known: ${listed || 'none'}`
}
