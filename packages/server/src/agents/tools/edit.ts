/** The tool `edit`. */
import { z } from 'zod'
import { callInside } from './inside-call.ts'
import { absolutePath, normalPath, pathField, wellFormed } from './paths.ts'
import type { AgentTool } from './tool.ts'

const textCharsMax = 500_000
const timeoutSeconds = 30

const input = z.object({
  path: pathField('The file to change. A relative path starts at the working directory.'),
  oldText: wellFormed(z.string().min(1).max(textCharsMax)).describe(
    'The text to replace, exactly as it is in the file, with its indentation and without the line numbers of "read". It must be in the file once; add lines around it until it is unique.',
  ),
  newText: wellFormed(z.string().max(textCharsMax)).describe('The text to put in its place. May be empty.'),
  replaceAll: z
    .boolean()
    .optional()
    .describe(
      'Replace every place where the old text is, instead of requiring that there is one. Default: false.',
    ),
})

export const editTool: AgentTool = {
  name: 'edit',
  description:
    'Replace one exact text in a file by another. Nothing is changed unless the old text is found, and found once (or "replaceAll" is set); otherwise the answer says how often it was found and what in the file comes close. Line endings, a byte order mark and the mode of the file are kept; write line ends as \\n in either case. The answer shows the changed lines. To create or replace a whole file use "write".',
  input,
  judgedAs(given) {
    const { path, oldText, newText, replaceAll = false } = input.parse(given)
    const judged = { file_path: normalPath(path), old_string: oldText, new_string: newText }
    return { tool: 'Edit', input: { ...judged, replace_all: replaceAll } }
  },
  fileOf: (given, cwd) => absolutePath(input.parse(given).path, cwd),
  // biome-ignore lint/correctness/useYield: it has no output before its result
  async *run(given, context) {
    const { path, oldText, newText, replaceAll = false } = input.parse(given)
    if (oldText === newText) return { ok: false, text: 'The old and the new text are the same.' }
    const { cwd, projectPath } = context
    const request = { path: absolutePath(path, cwd), oldText, newText, replaceAll, projectPath }
    return callInside(context, { tool: 'edit', request, timeoutSeconds })
  },
}
