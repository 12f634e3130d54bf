import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Sandbox } from '@millrace/sandbox'
import { isRoot, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkNodeInSandbox } from '#cli/doctor/node-in-sandbox'

const workspace = new Workspace()
const path = workspace.project('project', 'somebody')
const projects = [
  { id: 'one', path },
  { id: 'two', path },
]
let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await workspace.open([path])
})
afterAll(() => workspace.close())

it('a Node that the owner of a project can run is no problem', async () => {
  expect(await checkNodeInSandbox(sandbox, projects)).toEqual([])
})

it('a Node that the owner of a project cannot run is named, once for all projects of that owner', async () => {
  const node = join(workspace.root, 'ours', 'node')
  mkdirSync(join(workspace.root, 'ours'), { mode: 0o700 })
  if (isRoot) copyFileSync('/bin/true', node)
  expect(await checkNodeInSandbox(sandbox, projects, node)).toEqual([
    { name: 'sandbox', status: 'warn', detail: expect.stringContaining(`cannot run Node (${node})`) },
  ])
})
