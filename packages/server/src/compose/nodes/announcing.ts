/** What a worker says of its configuration, and what a node that only serves makes of it. */

import type { Kinds } from '#compose/kinds'
import { packageVersion } from '#compose/package-version'
import type { Config, Project, Tool } from '#config/config'
import { ValuePattern } from '#config/pattern'
import type { Announcement, Placement } from '#nodes/placement'

export interface AnnouncedParts {
  config: Pick<Config, 'projects' | 'tools' | 'agents'>
  kinds: Kinds
  boundary: Announcement['boundary']
}

/** What this node has, to be said to the others. */
export function announcementOf({ config, kinds, boundary }: AnnouncedParts): Announcement {
  const agent = kinds.agentStatus()
  return {
    version: packageVersion,
    kinds: kinds.all
      .filter(({ detached }) => detached === undefined)
      .map(({ kind, availability }) => {
        const now = availability()
        return { kind, unavailable: now.available ? null : now.reason }
      }),
    projects: [...config.projects.values()].map(({ id, path }) => ({ id, path })),
    tools: [...config.tools.values()].map((tool) => ({
      ...toPlain(tool),
      projects: tool.projects.filter((id) => config.projects.has(id)),
    })),
    agents: [...(config.agents?.keys() ?? [])],
    agent: {
      unavailable: agent.available ? null : (agent.reason ?? 'it is not available'),
      demo: agent.demo,
    },
    boundary,
  }
}

/** As it travels. Variables may hold secrets, and only the node that runs it needs them. */
interface PlainTool extends Omit<Tool, 'args' | 'env'> {
  args: [string, { required: boolean; default?: string; pattern?: string; values?: readonly string[] }][]
}

function toPlain({ args, env: _env, ...tool }: Tool): PlainTool {
  return {
    ...tool,
    args: [...args].map(([name, arg]) => [
      name,
      {
        required: arg.required,
        ...(arg.default === undefined ? {} : { default: arg.default }),
        ...(arg.pattern === undefined ? {} : { pattern: arg.pattern.source }),
        ...(arg.values === undefined ? {} : { values: arg.values }),
      },
    ]),
  }
}

function toTool({ args, ...tool }: PlainTool): Tool {
  return {
    ...tool,
    env: {},
    args: new Map(
      args.map(([name, { required, default: otherwise, pattern, values }]) => [
        name,
        {
          required,
          default: otherwise,
          pattern: pattern === undefined ? undefined : new ValuePattern(pattern),
          values,
        },
      ]),
    ),
  }
}

export type Work = Pick<Config, 'projects' | 'tools'>

/**
 * The projects and tools of all workers, for a node that has none: maps that change when the workers do. Of a tool that several
 * have, the oldest worker's, in the projects of all. `known` keeps what is gone, so that a run of it is refused by name.
 */
export function workOf(placement: Pick<Placement, 'workers' | 'onChange'>): { known: Work; live: Work } {
  const known = { projects: new Map<string, Project>(), tools: new Map<string, Tool>() }
  const live = { projects: new Map<string, Project>(), tools: new Map<string, Tool>() }
  const refresh = () => {
    live.projects.clear()
    live.tools.clear()
    for (const { projects, tools } of placement.workers) {
      for (const project of projects)
        if (!live.projects.has(project.id)) live.projects.set(project.id, project)
      for (const plain of tools as unknown as PlainTool[]) {
        const tool = live.tools.get(plain.id) ?? toTool(plain)
        live.tools.set(plain.id, { ...tool, projects: union(tool.projects, plain.projects) })
      }
    }
    for (const [id, project] of live.projects) known.projects.set(id, project)
    for (const [id, tool] of live.tools)
      known.tools.set(id, { ...tool, projects: union(tool.projects, known.tools.get(id)?.projects ?? []) })
  }
  placement.onChange(refresh)
  refresh()
  return { known, live }
}

function union(one: readonly string[], other: readonly string[]): string[] {
  return [...new Set([...one, ...other])]
}
