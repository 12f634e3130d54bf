import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { afterAll, expect, it, vi } from 'vitest'
import { openDemo } from '#compose/demo'

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
