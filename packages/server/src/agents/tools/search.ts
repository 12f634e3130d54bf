/** The tool `search`. */
import { z } from 'zod'
import { callInside } from './inside-call.ts'
import { absolutePath, globField, normalPath, pathField, wellFormed } from './paths.ts'
import type { AgentTool } from './tool.ts'

const patternCharsMax = 1000
const matchesDefault = 200
const matchesMax = 2000
const contextLinesMax = 10
const outputCharsMax = 40_000
const entriesMax = 500_000
const depthMax = 100
const searchSeconds = 30
const timeoutSeconds = 45

const input = z.object({
  pattern: wellFormed(z.string().min(1).max(patternCharsMax)).describe(
    'A regular expression in the syntax of RE2 (like ripgrep: no look-around, no back references). It is compared with one line at a time.',
  ),
  path: pathField(
    'The directory or file to search. A relative path starts at the working directory. Default: the working directory.',
  ).optional(),
  glob: globField(
    'Search only in files whose path matches, such as "*.ts" (names at any depth) or "src/**/*.{ts,tsx}".',
  ).optional(),
  ignoreCase: z.boolean().optional().describe('Take upper and lower case for the same. Default: false.'),
  mode: z
    .enum(['lines', 'files', 'counts'])
    .optional()
    .describe(
      'Show matching lines, only the paths of files that match, or how many lines of each match. Default: lines.',
    ),
  contextLines: z
    .int()
    .min(0)
    .max(contextLinesMax)
    .optional()
    .describe('How many lines to show before and after each match, in the mode "lines". Default: 0.'),
  includeIgnored: z
    .boolean()
    .optional()
    .describe('Also search in .git, .hg, .svn and node_modules. Default: false.'),
  limit: z
    .int()
    .min(1)
    .max(matchesMax)
    .optional()
    .describe(
      `How many matching lines (or files, in the other modes) to show. Default: ${matchesDefault}, at most ${matchesMax}.`,
    ),
})

export const searchTool: AgentTool = {
  name: 'search',
  description: `Find lines in files by a regular expression. Results are grouped by file, in order of their paths, with line numbers. Binary files and links are skipped. A search ends after ${searchSeconds} seconds or ${outputCharsMax} characters, and says so. To find files by name use "list".`,
  input,
  judgedAs(given) {
    const { pattern, path = '.', glob } = input.parse(given)
    return {
      tool: 'Grep',
      input: { pattern, path: normalPath(path), ...(glob === undefined ? {} : { glob }) },
    }
  },
  // biome-ignore lint/correctness/useYield: it has no output before its result
  async *run(given, context) {
    const { path = '.', limit, ...chosen } = input.parse(given)
    const request = {
      pattern: chosen.pattern,
      path: absolutePath(path, context.cwd),
      cwd: context.cwd,
      glob: chosen.glob ?? null,
      ignoreCase: chosen.ignoreCase ?? false,
      mode: chosen.mode ?? 'lines',
      contextLines: chosen.contextLines ?? 0,
      includeIgnored: chosen.includeIgnored ?? false,
      matchesMax: limit ?? matchesDefault,
      outputCharsMax,
      depthMax,
      entriesMax,
      timeMax: searchSeconds * 1000,
    }
    return callInside(context, { tool: 'search', request, timeoutSeconds })
  },
}
