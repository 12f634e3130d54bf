/** Which tools of the agent SDK a session has. The names are those of its `BUILTIN_TOOL_NAMES`. */

/** What an agent that works alone on a project needs. */
export const defaultAllowedTools: readonly string[] = [
  'Agent',
  'Bash',
  'Edit',
  'Glob',
  'Grep',
  'LSP',
  'Read',
  'TaskCreate',
  'TaskGet',
  'TaskList',
  'TaskStop',
  'TaskUpdate',
  'TodoWrite',
  'ToolSearch',
  'WebFetch',
  'WebSearch',
  'Write',
]

/** The contract's `disallowedTools`: also refused where a configuration lists them. */
export const neverAllowed: readonly string[] = ['KillBash', 'NotebookEdit', 'ExitPlanMode', 'AskUserQuestion']

/**
 * Stands for a call that an agent says nothing of but a title. It is judged like a command that cannot be read; no agent
 * has a tool of this name.
 */
export const undescribedTool = 'undescribed'

export function isListed(allowed: readonly string[], tool: string): boolean {
  if (allowed.includes(tool)) return true
  if (!tool.startsWith('mcp__')) return false
  return allowed.some(
    (name) => name.startsWith('mcp__') && name.endsWith('__*') && tool.startsWith(name.slice(0, -1)),
  )
}
