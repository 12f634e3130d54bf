/** What may be started, and where. */
import type { ToolsResponse } from '@millrace/protocol'

export type Tool = ToolsResponse['tools'][number]

/** Names of tools that run until they are stopped, or that reach further than the project. */
const lasting =
  /(?:^|[:/.-])(?:start|serve|server|dev|develop|watch|preview|storybook|up|deploy|release|publish)$/

export function toolsOf(tools: readonly Tool[], project: string): Tool[] {
  return tools.filter(({ projects }) => projects.includes(project))
}

/** What a form proposes: the first click must not start a server, least of all this one. */
export function harmlessTool(tools: readonly Tool[]): Tool | undefined {
  return tools.find(({ id }) => !lasting.test(id))
}

const key = 'millrace.project'

/** The project used last in this browser, if it is still there; else the demo's, else the first. */
export function proposedProject(projects: readonly { id: string }[], isDemo: boolean): string {
  let last: string | null = null
  try {
    last = localStorage.getItem(key)
  } catch {
    // Nothing is remembered.
  }
  const ids = projects.map(({ id }) => id)
  return ids.find((id) => id === last) ?? ids.find((id) => isDemo && id === 'demo') ?? ids[0] ?? ''
}

export function rememberProject(project: string): void {
  try {
    localStorage.setItem(key, project)
  } catch {
    // The next form begins with the first.
  }
}
