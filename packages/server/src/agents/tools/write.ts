/** The tool `write`. */
import { z } from 'zod'
import { callInside } from './inside-call.ts'
import { absolutePath, normalPath, pathField, wellFormed } from './paths.ts'
import type { AgentTool } from './tool.ts'

const contentCharsMax = 2_000_000
const timeoutSeconds = 30

const input = z.object({
  path: pathField('The file to create or to replace. A relative path starts at the working directory.'),
  content: wellFormed(z.string().max(contentCharsMax)).describe(
    'The whole new content of the file, exactly as it is to be stored.',
  ),
})

export const writeTool: AgentTool = {
  name: 'write',
  description: `Create a file, or replace the whole content of one. Missing directories are created. The file is replaced in one step and keeps its mode. At most ${contentCharsMax} characters. Only files of the project can be written; to change a part of a file use "edit".`,
  input,
  judgedAs(given) {
    const { path, content } = input.parse(given)
    return { tool: 'Write', input: { file_path: normalPath(path), content } }
  },
  fileOf: (given, cwd) => absolutePath(input.parse(given).path, cwd),
  // biome-ignore lint/correctness/useYield: it has no output before its result
  async *run(given, context) {
    const { path, content } = input.parse(given)
    const { cwd, projectPath } = context
    const request = { path: absolutePath(path, cwd), content, projectPath }
    return callInside(context, { tool: 'write', request, timeoutSeconds })
  },
}
