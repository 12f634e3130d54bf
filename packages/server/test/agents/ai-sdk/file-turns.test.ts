import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { z } from 'zod'
import { FileTurns } from '#agents/ai-sdk/loop/file-turns'
import { editTool } from '#agents/tools/edit'
import type { AgentTool } from '#agents/tools/tool'
import { writeTool } from '#agents/tools/write'
import { RecordingHost, reply, run, say, serve, start, use } from './support/executions.ts'

const root = realpathSync(mkdtempSync('/var/tmp/millrace-turns-'))
mkdirSync(join(root, 'real'))
writeFileSync(join(root, 'real/file'), '')
symlinkSync('real', join(root, 'linked'))
symlinkSync('real/file', join(root, 'alias'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A tool `edit` that changes nothing: it notes which calls run at the same time. */
function countingEdit(behave: (label: string, signal: AbortSignal) => Promise<void>) {
  const log: string[] = []
  const tool: AgentTool = {
    name: 'edit',
    description: 'Changes a file.',
    input: z.object({ path: z.string(), label: z.string() }),
    judgedAs: (input) => ({
      tool: 'Edit',
      input: { file_path: (input as { path: string }).path, old_string: 'a', new_string: 'b' },
    }),
    fileOf: (input) => join(root, (input as { path: string }).path),
    // biome-ignore lint/correctness/useYield: it has no output before its result
    async *run(input, { signal }) {
      const { label } = input as { label: string }
      log.push(`${label} begins`)
      await behave(label, signal)
      log.push(`${label} ends`)
      return { ok: true, text: label }
    },
  }
  return { tool, log }
}

const edits = (...calls: [path: string, label: string][]) =>
  reply(
    { turn: 1 },
    calls.map(([path, label]) => use('edit', { path, label })),
  )

it('calls of one answer that change one file run in their order, whatever leads to it, beside those of other files', async () => {
  const model = await serve([
    edits(
      ['real/file', 'first'],
      ['linked/file', 'second'],
      ['real/other', 'apart'],
      ['alias', 'third'],
      ['real/../linked/new/x', 'new'],
      ['real/new/x', 'newer'],
    ),
    reply({}, [say('Done.')]),
  ])
  const free = Promise.withResolvers<void>()
  const { tool, log } = countingEdit(async (label) => {
    if (label === 'first') await free.promise
    else for (let turn = 0; turn < 5; turn += 1) await nextTurn()
  })
  const { agent } = await start(model, { tools: [tool] })
  await expect.poll(() => log).toContain('newer ends')
  expect(log, 'a file apart is not held up').toContain('apart ends')
  expect(log.filter((line) => /second|third/.test(line))).toEqual([])
  free.resolve()
  expect(await agent.ended).toMatchObject({ state: 'completed' })
  for (const group of [/^(first|second|third) /, /^newe?r? /]) {
    const own = log.filter((line) => group.test(line))
    expect(own, 'one at a time, in order').toEqual(
      (group.source.startsWith('^(') ? ['first', 'second', 'third'] : ['new', 'newer']).flatMap((label) => [
        `${label} begins`,
        `${label} ends`,
      ]),
    )
  }
})

it('people are asked about all calls at once, and a call that is refused lets the next one run', async () => {
  const model = await serve([
    edits(['real/file', 'first'], ['real/file', 'second']),
    reply({}, [say('Done.')]),
  ])
  const { tool, log } = countingEdit(async () => {})
  const host = new RecordingHost(root, 'on')
  const asked = Promise.withResolvers<void>()
  host.answer = async ({ toolUseId }) => {
    if (host.questions.length === 2) asked.resolve()
    await asked.promise
    const isFirst = host.questions[0]?.toolUseId === toolUseId
    return { decision: isFirst ? 'deny' : 'allow', by: 'person' }
  }
  const asking: AgentTool = {
    ...tool,
    judgedAs: (input) => ({
      tool: 'Bash',
      input: { command: `eval "$(cat ${(input as { label: string }).label})"` },
    }),
  }
  const { end } = await run(model, { tools: [asking], host })
  expect(end).toMatchObject({ state: 'completed' })
  expect(host.questions).toHaveLength(2)
  expect(log).toEqual(['second begins', 'second ends'])
})

it('a call that waits for its turn is answered when the turn of the agent is cut', async () => {
  const model = await serve([
    edits(['real/file', 'first'], ['real/file', 'second']),
    reply({}, [say('Done.')]),
  ])
  const { tool, log } = countingEdit(
    (_label, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  )
  const { agent, host } = await start(model, { tools: [tool] })
  await expect.poll(() => log).toEqual(['first begins'])
  host.messages.say('Stop that', 'interrupt')
  expect(await agent.ended).toMatchObject({ state: 'completed' })
  expect(log).not.toContain('second begins')
  const ends = host.of('tool-complete').map(({ result }) => String(result))
  expect(ends.sort()).toEqual([expect.stringContaining('was not begun'), 'first'])
})

it('a file that no call is changing is forgotten, in whatever order its calls leave', async () => {
  const turns = new FileTurns()
  const [first, second] = await Promise.all([turns.enter('/made/up'), turns.enter('/made/./up')])
  expect(turns.files).toBe(1)
  second.leave()
  let came = false
  void second.comes.then(() => {
    came = true
  })
  await nextTurn()
  expect(came, 'it waits for the one before').toBe(false)
  first.leave()
  await nextTurn()
  expect(came).toBe(true)
  expect(turns.files).toBe(0)
})

it('edit and write name the file that they change', () => {
  const path = './src/../a.txt'
  expect(editTool.fileOf?.({ path, oldText: 'a', newText: 'b' }, '/project')).toBe('/project/a.txt')
  expect(writeTool.fileOf?.({ path, content: '' }, '/project')).toBe('/project/a.txt')
})
