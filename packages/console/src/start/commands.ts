/** What the palette offers, and how it is found. */
import type { ToolsResponse } from '@millrace/protocol'

export interface Command {
  id: string
  /** What it does, as it is listed and searched. */
  label: string
  group: 'Start' | 'Go to' | 'Runs' | 'Appearance'
  run(): void
}

const shownMax = 50

/** The commands that contain every word that was typed, those whose label begins with the text first. */
export function findCommands(commands: readonly Command[], text: string): Command[] {
  const typed = text.trim().toLowerCase()
  const words = typed.split(/\s+/)
  const found = commands.filter(({ label, group }) => {
    const searched = `${label} ${group}`.toLowerCase()
    return words.every((word) => searched.includes(word))
  })
  const begins = (command: Command) => (command.label.toLowerCase().startsWith(typed) ? 0 : 1)
  return found.sort((a, b) => begins(a) - begins(b)).slice(0, shownMax)
}

/** One command for each tool in each project. */
export function toolCommands(
  tools: ToolsResponse['tools'],
  start: (tool: string, project: string) => void,
): Command[] {
  return tools.flatMap(({ id, title, projects }) =>
    projects.map((project) => ({
      id: `tool ${project} ${id}`,
      label: `Run ${title} in ${project}`,
      group: 'Start' as const,
      run: () => start(id, project),
    })),
  )
}
