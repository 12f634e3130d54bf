import { afterAll, describe, expect, it } from 'vitest'
import { Authenticator, cookieTtlMs, loginCodeTtlMs } from '#auth/authenticator'
import { maySee } from '#auth/principal'
import { hashSecret, newSecret, sameHash } from '#auth/secrets'
import type { Credential, CredentialKind } from '#store/credentials'
import { openMemoryStore } from '#store/memory/store'

const store = openMemoryStore()
afterAll(() => store.close())

const ann = { user: 'ann', admin: false }

function rig(adminTokens: string[] = ['an admin token from outside']) {
  const clock = { now: 1_000_000 }
  const auth = new Authenticator({
    credentials: store.credentials,
    adminTokens,
    jwt: null,
    now: () => clock.now,
  })
  return { auth, clock }
}

let made = 0

/** A credential as the command line or a face would make it. */
async function add(kind: CredentialKind, change: Partial<Credential> = {}) {
  made += 1
  const secret = newSecret(`mr_${kind}`)
  const credential: Credential = {
    id: `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`,
    kind,
    user: 'ann',
    admin: false,
    createdAt: 0,
    expiresAt: null,
    revokedAt: null,
    usedAt: null,
    parent: null,
    path: null,
    ...change,
  }
  await store.credentials.add(credential, hashSecret(secret))
  return { secret, credential }
}

const holderOf = (credential: Credential) => ({
  credential,
  parent: credential.id,
  expiresAt: credential.expiresAt,
})

async function cookieOf(auth: Authenticator, from: Credential | null = null): Promise<string> {
  const { code } = await auth.createLoginCode(ann, from === null ? null : holderOf(from))
  const redeemed = await auth.redeem(code)
  if (redeemed === null) throw new Error('the code was not taken')
  return redeemed.cookie
}

describe('a login code', () => {
  it('a login code is exchanged once, for a cookie of the same principal', async () => {
    const { auth, clock } = rig()
    const { code, expiresAt } = await auth.createLoginCode(ann)
    expect(expiresAt).toBe(clock.now + loginCodeTtlMs)
    const redeemed = await auth.redeem(code)
    expect(redeemed?.maxAgeSeconds).toBe(30 * 24 * 3600)
    expect((await auth.cookie(redeemed?.cookie ?? ''))?.principal).toEqual(ann)
    expect(await auth.redeem(code)).toBeNull()
  })

  it('of many that redeem a login code at once, exactly one gets a cookie', async () => {
    const { auth } = rig()
    const { code } = await auth.createLoginCode(ann)
    const answers = await Promise.all(Array.from({ length: 20 }, () => auth.redeem(code)))
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1)
  })

  it('a login code is refused from its expiry on', async () => {
    const { auth, clock } = rig()
    const [early, late] = [await auth.createLoginCode(ann), await auth.createLoginCode(ann)]
    clock.now = early.expiresAt - 1
    expect(await auth.redeem(early.code)).not.toBeNull()
    clock.now = late.expiresAt
    expect(await auth.redeem(late.code)).toBeNull()
    clock.now -= 1
    expect(await auth.redeem(late.code)).toBeNull()
  })

  it.each(['', 'nonsense', 'mr_login_', 'x'.repeat(10_000)])('%j is no login code', async (code) => {
    expect(await rig().auth.redeem(code)).toBeNull()
  })
})

describe('a cookie', () => {
  it('a cookie lives thirty days', async () => {
    const { auth, clock } = rig()
    const cookie = await cookieOf(auth)
    clock.now += cookieTtlMs - 1
    expect(await auth.cookie(cookie)).not.toBeNull()
    clock.now += 1
    expect(await auth.cookie(cookie)).toBeNull()
  })

  it('a cookie that is ended is refused at once, and no other is', async () => {
    const { auth } = rig()
    const [mine, other] = [await cookieOf(auth), await cookieOf(auth)]
    const identity = await auth.cookie(mine)
    if (identity === null) throw new Error('not logged in')
    await auth.end(identity)
    expect(await auth.cookie(mine)).toBeNull()
    expect(await auth.cookie(other)).not.toBeNull()
    await auth.end(identity)
  })
})

describe('a credential made from another', () => {
  it('a cookie dies when the token it came from is revoked', async () => {
    const { auth } = rig()
    const { credential } = await add('token')
    const cookie = await cookieOf(auth, credential)
    const { code } = await auth.createLoginCode(ann, holderOf(credential))
    expect(await auth.cookie(cookie)).not.toBeNull()
    await store.credentials.revoke(credential.id, 5)
    expect(await auth.cookie(cookie)).toBeNull()
    expect(await auth.redeem(code)).toBeNull()
  })

  it('a browser that was logged in with a JSON Web Token is logged out when that expires', async () => {
    const { auth, clock } = rig()
    const holder = { credential: null, parent: null, expiresAt: clock.now + 60_000 }
    const [used, unused] = [await auth.createLoginCode(ann, holder), await auth.createLoginCode(ann, holder)]
    const cookie = (await auth.redeem(used.code))?.cookie ?? ''
    clock.now += 59_999
    expect((await auth.cookie(cookie))?.principal).toEqual(ann)
    clock.now += 1
    expect(await auth.cookie(cookie)).toBeNull()
    expect(await auth.redeem(unused.code)).toBeNull()
  })

  it('a credential dies when the one it was made from expires', async () => {
    const { auth, clock } = rig()
    const { credential } = await add('token', { expiresAt: clock.now + 60_000 })
    const cookie = await cookieOf(auth, credential)
    clock.now += 59_999
    expect(await auth.cookie(cookie)).not.toBeNull()
    clock.now += 1
    expect(await auth.cookie(cookie)).toBeNull()
  })

  it('a credential dies when the one it was made from is deleted', async () => {
    const { auth, clock } = rig()
    const { credential } = await add('token', { expiresAt: clock.now + 60_000 })
    const cookie = await cookieOf(auth, credential)
    await store.credentials.sweep(clock.now + 60_001)
    expect(await auth.cookie(cookie)).toBeNull()
  })

  it('a credential dies with the first of its line, however many lie between', async () => {
    const { auth, clock } = rig()
    const { credential } = await add('token', { expiresAt: clock.now + 60_000 })
    const first = await auth.cookie(await cookieOf(auth, credential))
    const second = await cookieOf(auth, first?.credential ?? null)
    expect(await auth.cookie(second)).not.toBeNull()
    clock.now += 60_000
    expect(await auth.cookie(second)).toBeNull()
  })
})

describe('a bearer token', () => {
  it('a bearer token identifies its user until it is revoked or expires', async () => {
    const { auth, clock } = rig()
    const { secret, credential } = await add('token', { admin: true, expiresAt: clock.now + 10 })
    expect((await auth.bearer(secret))?.principal).toEqual({ user: 'ann', admin: true })
    clock.now += 10
    expect(await auth.bearer(secret)).toBeNull()
    clock.now -= 10
    await store.credentials.revoke(credential.id, clock.now)
    expect(await auth.bearer(secret)).toBeNull()
  })

  it('a token of the process identifies an admin, without a credential that could end', async () => {
    const { auth } = rig(['one from outside', 'one from server.json'])
    for (const token of ['one from outside', 'one from server.json']) {
      const identity = await auth.bearer(token)
      expect(identity).toMatchObject({ principal: { user: 'admin', admin: true }, credential: null })
      if (identity !== null) await auth.end(identity)
      expect(await auth.bearer(token)).not.toBeNull()
    }
  })

  it('a bearer token that is nearly right, empty or unknown is refused', async () => {
    const { auth } = rig(['one from outside', ''])
    for (const token of ['', 'one from outsid', 'one from outside ', 'One from outside', 'undefined']) {
      expect(await auth.bearer(token)).toBeNull()
    }
  })
})

describe('a credential of the wrong kind', () => {
  const kinds: CredentialKind[] = ['login', 'cookie', 'token', 'ticket']

  it.each(kinds)('a credential is accepted only as its own kind: %s', async (kind) => {
    const { auth } = rig()
    const { secret } = await add(kind, { expiresAt: 2_000_000 })
    expect((await auth.bearer(secret)) !== null).toBe(kind === 'token')
    expect((await auth.cookie(secret)) !== null).toBe(kind === 'cookie')
    expect((await auth.redeem(secret)) !== null).toBe(kind === 'login')
  })

  it('a credential of another kind is not used up by redeeming it as a login code', async () => {
    const { auth } = rig()
    const ticket = await add('ticket', { expiresAt: 2_000_000, path: '/api/stream/x' })
    expect(await auth.redeem(ticket.secret)).toBeNull()
    expect((await store.credentials.find(hashSecret(ticket.secret)))?.usedAt).toBeNull()
  })

  it('the tokens of the process are neither cookies nor login codes', async () => {
    const { auth } = rig(['one from outside'])
    expect(await auth.cookie('one from outside')).toBeNull()
    expect(await auth.redeem('one from outside')).toBeNull()
  })

  it('a hash from the database is no secret', async () => {
    const { auth } = rig()
    const { secret } = await add('token')
    expect(await auth.bearer(hashSecret(secret))).toBeNull()
  })
})

describe('secrets', () => {
  it('secrets differ, are long, and fit into a URL, a header and a cookie', () => {
    const secrets = Array.from({ length: 200 }, () => newSecret('mr_token'))
    expect(new Set(secrets).size).toBe(200)
    for (const secret of secrets) expect(secret).toMatch(/^mr_token_[A-Za-z0-9_-]{43}$/)
  })

  it('the hashes of two secrets are the same only if the secrets are, whatever their lengths', () => {
    const [known, ...others] = ['a', '', 'b', 'aa', 'A', 'é'].map(hashSecret) as [string, ...string[]]
    expect(sameHash(known, hashSecret('a'))).toBe(true)
    for (const other of others) expect(sameHash(known, other)).toBe(false)
  })

  it('no secret is in what is stored', async () => {
    const { secret, credential } = await add('token')
    const found = await store.credentials.find(hashSecret(secret))
    expect(found).toEqual(credential)
    expect(JSON.stringify(found)).not.toContain(secret.slice('mr_token_'.length))
  })
})

it('a user may see only their own runs, an admin all', () => {
  expect([maySee(ann, 'ann'), maySee(ann, 'bob'), maySee({ user: 'x', admin: true }, 'bob')]).toEqual([
    true,
    false,
    true,
  ])
})
