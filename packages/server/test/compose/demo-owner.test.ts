import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, it } from 'vitest'
import { demoOwner } from '#compose/demo'

const nobody = 65_534

it("the demo's project is nobody's, but root's where nobody cannot reach the installation", () => {
  const closed = join(temporaryFolder(), 'root')
  mkdirSync(closed, { mode: 0o700 })
  expect(demoOwner(0, ['/usr/bin/env'])).toBe(nobody)
  expect(demoOwner(0, ['/usr/bin/env', join(closed, 'millrace/main.js')])).toBe(0)
  expect(demoOwner(1000, [join(closed, 'millrace/main.js')])).toBe(1000)
})
