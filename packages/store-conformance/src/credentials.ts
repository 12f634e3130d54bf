/** Credentials: one use, revocation, expiry. */
import { randomUUID } from 'node:crypto'
import type { Credential } from '@millrace/server/store'
import { describe, expect, test } from 'vitest'
import { type Subject, upTo } from './material.ts'

function newCredential(given: Partial<Credential> = {}): Credential {
  return {
    id: randomUUID(),
    kind: 'token',
    user: 'ada',
    admin: false,
    createdAt: 1_000,
    expiresAt: null,
    revokedAt: null,
    usedAt: null,
    parent: null,
    path: null,
    ...given,
  }
}

export function describeCredentials(subject: Subject): void {
  describe('credentials', () => {
    test('a credential is found by its hash, as it was added, also after a reopen', async () => {
      const credential = newCredential({ admin: true, expiresAt: 5_000, path: '/api/stream', kind: 'ticket' })
      await subject.store.credentials.add(credential, 'hash')
      expect(await subject.store.credentials.find('hash')).toEqual(credential)
      expect(await subject.store.credentials.find('other')).toBeNull()
      await subject.reopen()
      expect(await subject.store.credentials.find('hash')).toEqual(credential)
    })

    test('of many callers that take a one-use credential at once exactly one gets it', async () => {
      const { credentials } = subject.store
      const credential = newCredential({ kind: 'login' })
      await credentials.add(credential, 'hash')
      const taken = await Promise.all(upTo(20).map((at) => credentials.take('hash', at)))
      const winners = taken.filter((one) => one !== null)
      expect(winners).toHaveLength(1)
      expect(await credentials.find('hash')).toEqual({ ...credential, usedAt: winners[0]?.usedAt })
      expect(await credentials.take('unknown', 1)).toBeNull()
    })

    test('revoking a credential revokes everything made from it, and nothing else', async () => {
      const { credentials } = subject.store
      const token = newCredential()
      const cookie = newCredential({ kind: 'cookie', parent: token.id })
      const ticket = newCredential({ kind: 'ticket', parent: cookie.id })
      const other = newCredential({ kind: 'cookie' })
      const all = [token, cookie, ticket, other]
      for (const one of all) await credentials.add(one, one.id)
      expect(await credentials.revoke(cookie.id, 2_000)).toBe(true)
      expect(await credentials.revoke(token.id, 3_000)).toBe(true)
      expect(await credentials.revoke(randomUUID(), 3_000)).toBe(false)
      const revokedAt = await Promise.all(all.map(async ({ id }) => (await credentials.find(id))?.revokedAt))
      expect(revokedAt).toEqual([3_000, 2_000, 2_000, null])
      const ids = all.map(({ id }) => id)
      expect(new Set(await credentials.dead(ids, 4_000))).toEqual(new Set(ids.slice(0, 3)))
    })

    test('credentials that name each other as parents are judged and revoked like any others', async () => {
      const { credentials } = subject.store
      const [one, other] = [newCredential(), newCredential()]
      await credentials.add({ ...one, parent: other.id }, one.id)
      await credentials.add({ ...other, parent: one.id }, other.id)
      expect(await credentials.dead([one.id, other.id], 1_000)).toEqual([])
      expect(await credentials.revoke(one.id, 2_000)).toBe(true)
      expect(new Set(await credentials.dead([one.id, other.id], 3_000))).toEqual(new Set([one.id, other.id]))
    })

    test('a credential is dead when it is revoked, expired at the given time, or unknown', async () => {
      const { credentials } = subject.store
      const lasting = newCredential()
      const brief = newCredential({ expiresAt: 2_000 })
      const unknown = randomUUID()
      for (const one of [lasting, brief]) await credentials.add(one, one.id)
      const ids = [lasting.id, brief.id, unknown]
      expect(await credentials.dead(ids, 1_999)).toEqual([unknown])
      expect(new Set(await credentials.dead(ids, 2_000))).toEqual(new Set([brief.id, unknown]))
      expect(await credentials.dead([], 2_000)).toEqual([])
      expect(await credentials.findLive(brief.id, 1_999)).toEqual(brief)
      expect(await credentials.findLive(brief.id, 2_000)).toBeNull()
      expect(await credentials.findLive(unknown, 1_999)).toBeNull()
    })

    test('a live credential is found until it, or one that it was made from, is dead', async () => {
      const { credentials } = subject.store
      const token = newCredential()
      const cookie = newCredential({ kind: 'cookie', parent: token.id })
      const ofProcess = newCredential({ kind: 'ticket', parent: 'process:1', path: '/api/stream' })
      for (const one of [token, cookie, ofProcess]) await credentials.add(one, one.id)
      for (const one of [token, cookie, ofProcess]) {
        expect(await credentials.findLive(one.id, 1_000)).toEqual(one)
      }
      await credentials.revoke(token.id, 2_000)
      expect(await credentials.findLive(cookie.id, 2_000)).toBeNull()
      expect(await credentials.findLive(token.id, 2_000)).toBeNull()
      expect(await credentials.findLive(ofProcess.id, 2_000)).toEqual(ofProcess)
    })

    test('credentials of one kind are listed newest first, and a sweep forgets those that expired', async () => {
      const { credentials } = subject.store
      const [old, young] = [newCredential({ expiresAt: 2_000 }), newCredential({ createdAt: 1_500 })]
      for (const one of [old, young, newCredential({ kind: 'cookie' })]) await credentials.add(one, one.id)
      expect(await credentials.list('token')).toEqual([young, old])
      await credentials.sweep(2_000)
      expect(await credentials.list('token')).toEqual([young, old])
      await credentials.sweep(2_001)
      expect(await credentials.list('token')).toEqual([young])
    })

    test('a sweep forgets what was revoked, but no token of a user, and tickets that nobody used in time', async () => {
      const { credentials } = subject.store
      const [token, gone] = [newCredential(), newCredential()]
      const push = [newCredential({ kind: 'push' }), newCredential({ kind: 'push' })] as const
      const used = newCredential({ kind: 'ticket' })
      const unused = newCredential({ kind: 'ticket', expiresAt: 9_000_000 })
      const all = [token, gone, ...push, used, unused]
      for (const one of all) await credentials.add(one, one.id)
      await credentials.take(used.id, 2_000)
      for (const { id } of [gone, push[0]]) await credentials.revoke(id, 3_000)
      await credentials.sweep(61_000)
      const left = async () =>
        (await Promise.all(all.map(({ id }) => credentials.find(id)))).flatMap((one) => one?.id ?? [])
      expect(await left()).toEqual([token, gone, push[1], used, unused].map(({ id }) => id))
      await credentials.sweep(61_001)
      expect(await left()).toEqual([token, gone, push[1], used].map(({ id }) => id))
    })
  })
}
