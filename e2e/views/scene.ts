/** A server with a morning's work on it: runs of every kind, at work, over, failed, and two that wait for a person. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentPlace, giveAway } from '@millrace/test-support/agents'
import { post, type ServerProcess } from '@millrace/test-support/server'
import { until } from '@millrace/test-support/until'
import { git } from '@millrace/test-support/workspace'
import { importEvents, script, taxFile, tools } from './material.ts'

export interface Scene {
  server: ServerProcess
  /** Ids of the runs that have a view of their own. */
  runs: { session: string; asking: string; form: string; plan: string; log: string }
  close: () => Promise<void>
}

export async function openScene(): Promise<Scene> {
  const config = { tools, policy: { unreadableBash: 'ask', approvals: 'off' } }
  const place = await agentPlace({ script, projects: ['shop', 'website'], config })
  try {
    beginRepository(place.project('shop'))
    const server = await place.start()
    return { server, runs: await fill(server), close: () => place.dispose() }
  } catch (error) {
    await place.dispose()
    throw error
  }
}

function beginRepository(folder: string): void {
  const write = (name: string, content: string) => {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  write('README.md', '# Shop\n')
  write('src/checkout/tax.ts', taxFile)
  write(
    'test/checkout/tax.test.js',
    `const test = require('node:test')
test('an order has its tax once', () => {})
test('so has the shipping', () => {})
`,
  )
  git(folder, 'init', '--quiet', '--initial-branch=main')
  git(folder, 'add', '.')
  git(folder, 'commit', '--quiet', '-m', 'first')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) giveAway(join(folder, name))
}

async function fill(server: ServerProcess): Promise<Scene['runs']> {
  const start = async (body: object) =>
    (await server.json<{ run: { id: string } }>('/api/runs', post(body))).run.id
  const over = (id: string) =>
    until(
      async () =>
        (await server.json<{ run: { finishedAt: number | null } }>(`/api/runs/${id}`)).run.finishedAt !==
        null,
    )
  const questions = async (count: number) => {
    const read = () => server.json<{ approvals: { approvalId: string }[] }>('/api/approvals')
    return until(async () => {
      const { approvals } = await read()
      return approvals.length === count && approvals
    })
  }
  const job = (tool: string, project = 'shop') => start({ kind: 'job', project, tool })
  const session = (body: object) => start({ kind: 'session', ...body })

  const log = await job('test')
  await Promise.all([log, await job('lint'), await job('build'), await job('lint', 'website')].map(over))
  const plan = await start({ kind: 'external', title: 'Nightly import of suppliers' })
  await server.call(`/api/runs/${plan}/events`, post({ events: importEvents }))
  const first = await session({
    project: 'shop',
    prompt: 'The checkout charges Swiss customers VAT twice. Find out why, and fix it.',
    approvals: 'on',
    worktree: 'fix-swiss-vat',
  })
  const [question] = await questions(1)
  const answer = post({ decision: 'allow' })
  await server.call(`/api/runs/${first}/approvals/${question?.approvalId}`, answer)
  await over(first)
  const asking = await session({
    project: 'shop',
    prompt: 'Norwegian orders have the wrong tax, too. Fix them and run the tests.',
    approvals: 'on',
    worktree: 'fix-norwegian-vat',
  })
  await questions(1)
  const form = await session({
    project: 'website',
    prompt: 'Move the orders to another database',
    questions: 'on',
  })
  await job('import-catalogue')
  await questions(2)
  return { session: first, asking, form, plan, log }
}
