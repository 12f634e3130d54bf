/** What one user can store over HTTP, by whatever door, once their runs take what they may. */
import type { Run } from '@millrace/protocol'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openRig, post, type Rig } from './support/server.ts'

const ownerBytes = 1_048_576

let rig: Rig
beforeAll(async () => {
  rig = await openRig({ config: { limits: { ownerBytes } } })
})
afterAll(() => rig.stop())

async function call(path: string, body: unknown): Promise<{ status: number; code?: string; run?: Run }> {
  const response = await rig.as(rig.owner, path, post(body))
  return { status: response.status, ...((await response.json()) as { code?: string; run?: Run }) }
}

async function stored(): Promise<number> {
  const answer = await rig.as(rig.admin, '/api/admin/storage')
  const { owners } = (await answer.json()) as { owners: { owner: string; bytes: number }[] }
  return owners[0]?.bytes ?? 0
}

it('runs that were started while there was room cannot be used to store more than the quota', async () => {
  const paths: string[] = []
  for (let n = 0; n < 6; n += 1) {
    const { run } = await call('/api/runs', { kind: 'external', title: 'Nightly' })
    paths.push(`/api/runs/${run?.id}`)
  }
  const long = { state: 'completed', result: 'r'.repeat(400_000) }
  const ends = []
  for (const path of paths.slice(0, 3)) ends.push(await call(`${path}/finish`, long))
  expect(ends.map(({ status, code }) => code ?? status)).toEqual([200, 200, 'quota_exceeded'])
  expect(await call(`${paths[2]}/finish`, { state: 'completed', result: 'short' })).toMatchObject({
    status: 200,
    run: { state: 'completed' },
  })
  const events = [{ type: 'note', data: 'x'.repeat(1000) }]
  await call(`${paths[3]}/events`, { events })
  const ended = await until(async () => {
    const answer = await rig.as(rig.owner, paths[3] ?? '')
    const { run } = (await answer.json()) as { run: Run }
    return run.state === 'errored' ? run : null
  })
  expect(ended).toMatchObject({ error: { code: 'quota_exceeded' } })
  for (const [path, body] of [
    ['/api/runs', { kind: 'external', title: 'Again' }],
    ['/api/runs', { kind: 'job', project: 'here', tool: 'hello' }],
    [`${paths[0]}/retry`, {}],
  ] as const) {
    expect(await call(path, body)).toMatchObject({ status: 507, code: 'quota_exceeded' })
  }
  expect(await stored()).toBeLessThan(ownerBytes + 2 * 400_000 + 100_000)
})
