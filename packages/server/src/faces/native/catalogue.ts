/** What may be started, and where. */
import type { OfferedAgent } from '@millrace/protocol'
import { agentsResponse, projectsResponse, toolsResponse } from '@millrace/protocol/schemas'
import type { z } from 'zod'
import type { Config } from '#config/config'
import type { Face, FaceApp } from '#http/face'

/** Whether agent sessions can be started, and who answers them. */
export type AgentStatus = NonNullable<z.infer<typeof projectsResponse>['agent']>

export interface CatalogueFaceParts extends Pick<Config, 'projects' | 'tools'> {
  agent: () => AgentStatus
  agents: () => OfferedAgent[]
}

export function catalogueFace(parts: CatalogueFaceParts): Face {
  return { routes: (app) => addRoutes(app, parts) }
}

function addRoutes(app: FaceApp, parts: CatalogueFaceParts): void {
  app.get(
    '/api/projects',
    {
      schema: {
        tags: ['catalogue'],
        summary: 'Projects the caller may use',
        response: { 200: projectsResponse },
      },
    },
    () => ({
      projects: [...parts.projects.values()].map(({ id }) => ({ id })),
      agent: parts.agent(),
    }),
  )

  app.get(
    '/api/agents',
    {
      schema: {
        tags: ['catalogue'],
        summary: 'Agents that a session may name',
        response: { 200: agentsResponse },
      },
    },
    () => ({ agents: parts.agents() }),
  )

  app.get(
    '/api/tools',
    {
      schema: { tags: ['catalogue'], summary: 'Tools the caller may run', response: { 200: toolsResponse } },
    },
    () => ({
      tools: [...parts.tools.values()].map((tool) => ({
        id: tool.id,
        title: tool.title,
        projects: [...tool.projects],
        args: [...tool.args].map(([name, { required }]) => ({ name, required })),
        network: typeof tool.network === 'object' ? [...tool.network] : tool.network,
        timeoutSeconds: tool.timeoutSeconds,
      })),
    }),
  )
}
