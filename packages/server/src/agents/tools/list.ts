/** The tool `list`. */
import { z } from 'zod'
import { callInside } from './inside-call.ts'
import { absolutePath, globField, normalPath, pathField } from './paths.ts'
import type { AgentTool } from './tool.ts'

const resultsDefault = 500
const resultsMax = 5000
const depthMax = 100
const outputCharsMax = 40_000
const entriesMax = 500_000
const searchSeconds = 20
const timeoutSeconds = 30

const input = z.object({
  path: pathField(
    'The directory. A relative path starts at the working directory. Default: the working directory.',
  ).optional(),
  pattern: globField(
    'Which paths to show, such as "*.ts" (names at any depth) or "src/**/*.test.ts" (paths from the directory). Knows *, **, ?, [abc] and {a,b}. Without a pattern every entry is shown, one level deep.',
  ).optional(),
  depth: z
    .int()
    .min(1)
    .max(depthMax)
    .optional()
    .describe(
      `How many levels of directories to look into. Default: 1 without a pattern, ${depthMax} with one.`,
    ),
  includeIgnored: z
    .boolean()
    .optional()
    .describe('Also look into .git, .hg, .svn and node_modules. Default: false.'),
  limit: z
    .int()
    .min(1)
    .max(resultsMax)
    .optional()
    .describe(`How many entries to show. Default: ${resultsDefault}, at most ${resultsMax}.`),
})

export const listTool: AgentTool = {
  name: 'list',
  description: `List the entries of a directory, or find files below it by a pattern of their names. Entries are in order of their paths; directories end with a slash, and "->" shows where a link leads. Links are not followed. To find text in files use "search".`,
  input,
  judgedAs(given) {
    const { path = '.', pattern = '*' } = input.parse(given)
    return { tool: 'Glob', input: { pattern, path: normalPath(path) } }
  },
  // biome-ignore lint/correctness/useYield: it has no output before its result
  async *run(given, context) {
    const { path = '.', pattern = null, depth, includeIgnored = false, limit } = input.parse(given)
    const request = {
      path: absolutePath(path, context.cwd),
      pattern,
      includeIgnored,
      depthMax: depth ?? (pattern === null ? 1 : depthMax),
      resultsMax: limit ?? resultsDefault,
      outputCharsMax,
      entriesMax,
      timeMax: searchSeconds * 1000,
    }
    return callInside(context, { tool: 'list', request, timeoutSeconds })
  },
}
