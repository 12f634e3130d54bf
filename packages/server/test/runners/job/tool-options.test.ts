/** What the options of a tool give to its jobs. */
import type { ExecutionResponse } from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Tool } from '#config/config'
import { createJobRunner } from '#runners/job/runner'
import { FakeContext, tool } from './support/context.ts'

const workspace = new Workspace()
const project = workspace.project('project')
let contained: Sandbox

beforeAll(async () => {
  contained = await workspace.open([project])
})
afterAll(() => workspace.close())

const sh = (script: string, options: Partial<Tool> = {}) => tool(['sh', '-c', script], options)

async function complete(job: Tool, { sandbox = contained }: { sandbox?: Sandbox } = {}) {
  const context = new FakeContext(sandbox, project, { tool: job.id })
  const runner = createJobRunner({ tools: new Map([[job.id, job]]), eventBytes: 1_048_576 })
  const outcome = await runner.run(context)
  expect(outcome.state).toBe('completed')
  return { context, response: outcome.data as unknown as ExecutionResponse }
}

it('a job finds the cache that the last one of its tool left, unless the tool wants none', async () => {
  const sandbox = await workspace.open([project], { cache: { bytesMax: 2 ** 30 } })
  const script = 'cat ~/.cache/x 2>/dev/null || echo none; mkdir -p ~/.cache && echo kept > ~/.cache/x'
  const lines = async (options: Partial<Tool>) =>
    (await complete(sh(script, options), { sandbox })).context.lines()
  expect(await lines({})).toEqual(['none'])
  expect(await lines({})).toEqual(['kept'])
  expect(await lines({ cache: false })).toEqual(['none'])
})

it('a job with a terminal logs what it wrote there, and how it ended', async () => {
  const { context, response } = await complete(
    sh('test -t 1 && printf "\\033[1mbold\\033[0m\\n"; stty size < /dev/tty; printf end; exit 3', {
      terminal: { columns: 77, rows: 11 },
    }),
  )
  expect(context.lines().join('')).toBe('\x1b[1mbold\x1b[0m\r\n11 77\r\nend')
  expect(context.output[0]?.terminal).toEqual({ columns: 77, rows: 11 })
  expect(response).toMatchObject({ exitCode: 3, success: false, outputLines: 2 })
})
