/** What a session or an execution did, as the last lines of its output. */
import type { FileChange, RunChangesResponse } from '@millrace/protocol'
import { changesInLine, clip } from '@millrace/protocol/view'

const filesShown = 20
const pathCharsMax = 200
const marks = { added: 'A', modified: 'M', deleted: 'D' } as const

/** Returns the sum in a line and a line for each file; nothing if nothing was done. */
export function changesAsText(changes: RunChangesResponse): string[] {
  const sum = changesInLine(changes)
  if (sum === '') return []
  const { files, filesLeftOut } = changes
  const more = files.length + filesLeftOut - filesShown
  return [
    `-- ${sum}`,
    ...files.slice(0, filesShown).map(fileInLine),
    ...(more > 0 ? [`   … ${more} more files`] : []),
  ]
}

function fileInLine({ path, status, additions, deletions }: FileChange): string {
  return `   ${marks[status]} ${clip(path, pathCharsMax)} (+${additions} −${deletions})`
}
