import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { afterAll, expect, it, vi } from 'vitest'
import { onFreshDemo, openDemo } from '#compose/demo'
import type { Kind } from '#runners/kind'

const scratch = scratchFolder()
afterAll(() => {
  vi.unstubAllEnvs()
  scratch.dispose()
})

it('the demo of a server that was killed is removed by the next server, and no other is', async () => {
  vi.stubEnv('TMPDIR', scratch.path)
  // Above every number that Linux gives.
  const dead = 2 ** 22 + 1
  const folders = { killed: [hostname(), dead], alive: [hostname(), process.pid], elsewhere: ['other', dead] }
  for (const [name, server] of Object.entries(folders)) {
    const folder = join(scratch.path, `millrace-demo-${name}`)
    mkdirSync(folder)
    writeFileSync(join(folder, 'server.json'), JSON.stringify(server))
  }
  mkdirSync(join(scratch.path, 'millrace-demo-unknown'))
  const demo = await openDemo('/srv/data', { withProject: true })
  expect(existsSync(join(demo.project?.path ?? '', 'package.json'))).toBe(true)
  await demo.close()
  const left = ['millrace-demo-alive', 'millrace-demo-elsewhere', 'millrace-demo-unknown']
  expect(readdirSync(scratch.path).sort()).toEqual(left)
})

it('the demo is made anew for each run that begins there, and stays as it is for one that resumes', async () => {
  vi.stubEnv('TMPDIR', scratch.path)
  const demo = await openDemo('/srv/fresh', { withProject: true })
  const { id, path } = demo.project ?? { id: '', path: '' }
  const manifest = join(path, 'package.json')
  const found: boolean[] = []
  const run = async () => void found.push(existsSync(manifest))
  const kind = onFreshDemo({ exclusive: true, runner: { run } } as unknown as Kind, demo)
  for (const context of [
    { project: { id }, run: { resumes: null } },
    { project: { id }, run: { resumes: 'an earlier run' } },
    { project: { id: 'another' }, run: { resumes: null } },
  ]) {
    rmSync(manifest)
    await kind.runner.run(context as unknown as Parameters<Kind['runner']['run']>[0])
    writeFileSync(manifest, '{}')
  }
  await demo.close()
  expect(found).toEqual([true, false, false])
})
