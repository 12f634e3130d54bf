/** Users' tokens over HTTP: what `millrace token` does, for an admin's browser. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRig, post, type Rig } from './support/server.ts'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.stop())

const admin = async <T>(path: string, init?: RequestInit) => {
  const response = await rig.as(rig.admin, path, init)
  return { status: response.status, body: (response.status === 204 ? null : await response.json()) as T }
}
interface Created {
  id: string
  token: string
}

describe('tokens over HTTP', () => {
  it('a created token signs its user in, is listed without its secret, and no longer works once revoked', async () => {
    const created = await admin<Created>('/api/admin/tokens', post({ user: 'zoe', ttlSeconds: 3600 }))
    expect(created.status).toBe(201)
    const { id, token } = created.body
    const who = () => rig.as(token, '/api/server')
    expect(await (await who()).json()).toMatchObject({ user: 'zoe', admin: false })

    const listed = await admin<{ tokens: object[] }>('/api/admin/tokens')
    expect(listed.body.tokens).toContainEqual(expect.objectContaining({ id, user: 'zoe', revokedAt: null }))
    expect(JSON.stringify(listed.body)).not.toContain(token)

    expect((await admin(`/api/admin/tokens/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await who()).status).toBe(401)
  })

  it('a name that is reserved for admins is refused, and the field is named', async () => {
    const { status, body } = await admin('/api/admin/tokens', post({ user: 'admin' }))
    expect([status, body]).toMatchObject([400, { errors: [{ path: 'user' }] }])
  })

  it('only tokens can be revoked: the id of a cookie is unknown', async () => {
    await rig.cookie('olga')
    const [cookie] = await rig.file.list('cookie')
    const { status } = await admin(`/api/admin/tokens/${cookie?.id}`, { method: 'DELETE' })
    expect(status).toBe(404)
  })
})
