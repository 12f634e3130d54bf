/** What an agent reads when a file that it made was taken away. */
import { relative } from 'node:path'

/** `path` is absolute; nothing is said of where the file is now, since no run reaches it. */
export function takenAwayText(projectPath: string, path: string): string {
  return (
    `Millrace moved ${relative(projectPath, path)} out of the project, because other programs would run what it says. ` +
    'Do not create it again: a run that keeps doing so is ended. Say so in your answer if your task needs it.'
  )
}
