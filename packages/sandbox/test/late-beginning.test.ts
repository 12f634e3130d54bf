/**
 * On a busy machine a program's end is heard of before bubblewrap's report that it began. Node then empties
 * the pipes that nobody listens to, and nothing in /proc tells the identity of the process.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { finish, Workspace } from '@millrace/test-support/workspace'
import { afterAll, expect, it, vi } from 'vitest'

vi.mock(import('#bubblewrap/status'), async (original) => {
  const { BoundaryStatus } = await original()
  return {
    BoundaryStatus: class extends BoundaryStatus {
      constructor(...parts: ConstructorParameters<typeof BoundaryStatus>) {
        super(...parts)
        const { began } = this
        Object.assign(this, { began: began.then((pid) => sleep(300, pid)) })
      }
    },
  }
})

const workspace = new Workspace()
const project = workspace.project('project')
afterAll(() => workspace.close())

it('the output and the identity of a program whose end is heard of before its beginning are kept', async () => {
  const sandbox = await workspace.open([project])
  const child = await workspace.spawn(sandbox, project, ['sh', '-c', 'echo out; echo err >&2'])
  expect(child.startTime).toBeGreaterThan(0)
  expect(await finish(child)).toEqual({ stdout: 'out\n', stderr: 'err\n', exit: { code: 0, signal: null } })
})
