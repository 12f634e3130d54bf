/** The tool `read`. */
import { z } from 'zod'
import { callInside } from './inside-call.ts'
import { absolutePath, normalPath, pathField } from './paths.ts'
import type { AgentTool } from './tool.ts'

const linesDefault = 2000
const linesMax = 20_000
const lineCharsMax = 2000
const outputCharsMax = 40_000
const bytesMax = 256 * 1024 ** 2
const timeoutSeconds = 30

const input = z.object({
  path: pathField('The file to read. A relative path starts at the working directory.'),
  offset: z.int().min(1).optional().describe('The first line to show, counted from 1. Default: 1.'),
  limit: z
    .int()
    .min(1)
    .max(linesMax)
    .optional()
    .describe(`How many lines to show. Default: ${linesDefault}, at most ${linesMax}.`),
})

export const readTool: AgentTool = {
  name: 'read',
  description: `Read a text file. Each line is shown as its number, a tab, and its text; the number and the tab are not part of the file. At most ${outputCharsMax} characters are shown at once, and ${lineCharsMax} of a line; a note at the end says where to read on with "offset". Images, PDF documents and other binary files are refused. For a directory use "list", to find text in many files use "search".`,
  input,
  judgedAs(given) {
    return { tool: 'Read', input: { file_path: normalPath(input.parse(given).path) } }
  },
  // biome-ignore lint/correctness/useYield: it has no output before its result
  async *run(given, context) {
    const { path, offset = 1, limit = linesDefault } = input.parse(given)
    const request = {
      path: absolutePath(path, context.cwd),
      offset,
      linesMax: limit,
      lineCharsMax,
      outputCharsMax,
      bytesMax,
    }
    return callInside(context, { tool: 'read', request, timeoutSeconds })
  },
}
