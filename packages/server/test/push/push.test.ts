import { createECDH, createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { newPushBrowser } from '@millrace/test-support/push-browser'
import { until } from '@millrace/test-support/until'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Identity } from '#auth/identity'
import { encrypted } from '#push/encryption'
import { PushNotifier } from '#push/notifier'
import { isServedBy, PushSubscriptions } from '#push/subscriptions'
import { openMemoryStore } from '#store/memory/store'
import type { Commit, CommitFeed, RunRecord, Store } from '#store/store'

const bytes = (text: string) => Buffer.from(text, 'base64url')

describe('the encryption of a notification', () => {
  it('the example of RFC 8291 is encrypted to the byte, and the browser of the example reads it', () => {
    const sender = createECDH('prime256v1')
    sender.setPrivateKey(bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'))
    const browser = newPushBrowser(
      bytes('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94'),
      bytes('BTBZMqHH6r4Tts7J_aSIgg'),
    )
    const text = 'When I grow up, I want to be a watermelon'
    const body = encrypted(Buffer.from(text), browser.keys, sender, bytes('DGv6ra1nlYgDCS1FRnbzlw'))
    expect(body.toString('base64url')).toBe(
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
    )
    expect(browser.read(body)).toBe(text)
  })
})

describe('the services that are requested', () => {
  it.each([
    ['https://fcm.googleapis.com/fcm/send/x', true],
    ['https://updates.push.services.mozilla.com/wpush/v2/x', true],
    ['http://fcm.googleapis.com/x', false],
    ['https://fcm.googleapis.com:8443/x', false],
    ['https://fcm.googleapis.com.evil.example/x', false],
    ['https://push.services.mozilla.com.evil.example/', false],
    ['https://user@fcm.googleapis.com/', false],
    ['https://169.254.169.254/latest', false],
    ['http://127.0.0.1:9000/x', true],
    ['http://127.0.0.1:9001/x', false],
    ['not an address', false],
  ])('%s: %s', (endpoint, expected) => {
    const services = ['fcm.googleapis.com', '*.push.services.mozilla.com', 'http://127.0.0.1:9000']
    expect(isServedBy(endpoint, services)).toBe(expected)
  })
})

interface Received {
  headers: IncomingHttpHeaders
  body: Buffer
  path: string
}

describe('a browser that has subscribed', () => {
  let service: Server
  let origin: string
  let status = 201
  const received: Received[] = []
  let store: Store
  let commit: (commit: Partial<Commit>) => void
  let subscriptions: PushSubscriptions
  let notifier: PushNotifier
  const at = Date.UTC(2026, 0, 1)

  beforeAll(async () => {
    service = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      received.push({ headers: request.headers, body: Buffer.concat(chunks), path: request.url ?? '' })
      response.writeHead(status).end()
    })
    await once(service.listen(0, '127.0.0.1'), 'listening')
    origin = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    service.closeAllConnections()
    await new Promise((resolve) => service.close(resolve))
  })
  beforeEach(async () => {
    received.length = 0
    status = 201
    store = openMemoryStore()
    const listeners = new Set<(commit: Commit) => void>()
    const feed: CommitFeed = {
      onCommit: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    commit = (one) => {
      for (const listener of listeners) listener({ runId: 'run', events: [], ...one } as Commit)
    }
    const getRun = async () => ({ owner: 'ann' }) as RunRecord
    subscriptions = new PushSubscriptions({
      credentials: store.credentials,
      services: [origin],
      now: () => at,
    })
    notifier = new PushNotifier({
      store: { ...feed, getRun },
      subscriptions,
      contact: 'mailto:ops@example.org',
      now: () => at,
      log: pino({ level: 'silent' }),
    })
    return async () => {
      notifier.close()
      await store.close()
    }
  })

  const identity = (user: string, parent: string | null = null): Identity => ({
    principal: { user, admin: false },
    credential: null,
    parent,
    expiresAt: null,
  })
  const requested = (approvalId: string, input: object, more: object = {}) => ({
    seq: 2,
    at,
    type: 'permission:requested',
    json: JSON.stringify({
      approvalId,
      toolUseId: 't',
      tool: 'Bash',
      input,
      reason: 'r',
      expiresAt: at + 60_000,
      ...more,
    }),
  })

  it('it is sent each question of its user’s runs, encrypted and signed, and that it was answered', async () => {
    const browser = newPushBrowser()
    await subscriptions.add(identity('ann'), { endpoint: `${origin}/ann`, keys: browser.keys })
    await subscriptions.add(identity('bob'), { endpoint: `${origin}/bob`, keys: newPushBrowser().keys })
    commit({ events: [requested('a1', { command: 'npm test' })] })
    await until(() => received.length === 1)
    const [{ headers, body, path }] = received as [Received]
    expect(path).toBe('/ann')
    expect(headers).toMatchObject({ 'content-encoding': 'aes128gcm', ttl: '60', urgency: 'high' })
    expect(JSON.parse(browser.read(body))).toEqual({
      type: 'question',
      runId: 'run',
      approvalId: 'a1',
      title: 'Bash needs your answer',
      body: 'Bash\n  npm test',
      isWhole: true,
    })
    const [, token = '', key = ''] = /^vapid t=(\S+), k=(\S+)$/.exec(headers.authorization ?? '') ?? []
    expect(key).toBe((await subscriptions.keys()).publicKey)
    const point = bytes(key)
    const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
    const jwk = { kty: 'EC', crv: 'P-256', x, y }
    const [head, claims, signature] = token.split('.') as [string, string, string]
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
    const signed = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
    expect(verify('sha256', Buffer.from(`${head}.${claims}`), signed, bytes(signature))).toBe(true)
    expect(JSON.parse(bytes(claims).toString())).toEqual({
      aud: origin,
      exp: at / 1000 + 12 * 3600,
      sub: 'mailto:ops@example.org',
    })

    const resolved = { ...requested('a1', {}), type: 'permission:resolved' }
    commit({ events: [resolved] })
    await until(() => received.length === 2)
    expect(JSON.parse(browser.read((received[1] as Received).body))).toMatchObject({ type: 'answered' })
    expect((received[1] as Received).headers.topic).toBe(headers.topic)
  })

  it('a call that a notification has no room for is cut, and is not to be answered there', async () => {
    const browser = newPushBrowser()
    await subscriptions.add(identity('ann'), { endpoint: `${origin}/ann`, keys: browser.keys })
    commit({ events: [requested('a1', { command: `echo ${'x'.repeat(5000)}; rm -r y` })] })
    await until(() => received.length === 1)
    const message = JSON.parse(browser.read((received[0] as Received).body))
    expect(message.isWhole).toBe(false)
    expect(message.body.length).toBeLessThan(200)
  })

  it('a form is announced by its message, and is not to be answered in a notification, which has no fields', async () => {
    const browser = newPushBrowser()
    await subscriptions.add(identity('ann'), { endpoint: `${origin}/ann`, keys: browser.keys })
    const schema = { type: 'object', properties: { question1: { type: 'string' } } }
    commit({ events: [requested('a1', { q: 1 }, { form: { message: 'Which database?', schema } })] })
    await until(() => received.length === 1)
    expect(JSON.parse(browser.read((received[0] as Received).body))).toMatchObject({
      body: 'Which database?',
      isWhole: false,
    })
  })

  it('it is notified no longer once its service says that it is gone, it is removed, or its login ends', async () => {
    const { credentials } = store
    const cookie = { id: 'cookie', kind: 'cookie' as const, user: 'ann', admin: false, createdAt: at }
    await credentials.add(
      { ...cookie, expiresAt: null, revokedAt: null, usedAt: null, parent: null, path: null },
      'a'.repeat(64),
    )
    const { keys } = newPushBrowser()
    await subscriptions.add(identity('ann', 'cookie'), { endpoint: `${origin}/cookie`, keys })
    await subscriptions.add(identity('ann'), { endpoint: `${origin}/removed`, keys })
    await subscriptions.add(identity('ann'), { endpoint: `${origin}/gone`, keys })
    const endpoints = async () => (await subscriptions.of('ann')).map(({ endpoint }) => endpoint).sort()
    expect(await endpoints()).toEqual(['cookie', 'gone', 'removed'].map((name) => `${origin}/${name}`))
    await subscriptions.remove('bob', `${origin}/removed`)
    expect(await endpoints()).toHaveLength(3)
    await subscriptions.remove('ann', `${origin}/removed`)
    await credentials.revoke('cookie', at)
    expect(await endpoints()).toEqual([`${origin}/gone`])
    status = 410
    commit({ events: [requested('a1', {})] })
    await expect.poll(endpoints).toEqual([])
    expect(received.map(({ path }) => path)).toEqual(['/gone'])
  })

  it('an endpoint has one subscription, whoever subscribed last, and a user twenty at most', async () => {
    const { keys } = newPushBrowser()
    for (let n = 0; n < 22; n++)
      await subscriptions.add(identity('ann'), { endpoint: `${origin}/${n}`, keys })
    expect(await subscriptions.of('ann')).toHaveLength(20)
    await subscriptions.add(identity('bob'), { endpoint: `${origin}/21`, keys })
    expect(await subscriptions.of('ann')).toHaveLength(19)
    expect(await subscriptions.of('bob')).toHaveLength(1)
    await expect(
      subscriptions.add(identity('ann'), { endpoint: 'http://127.0.0.1:1/', keys }),
    ).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('the keys are made once, and are the same for every node of a store', async () => {
    const other = new PushSubscriptions({
      credentials: store.credentials,
      services: [],
      now: () => at,
    })
    const [one, two] = await Promise.all([subscriptions.keys(), other.keys()])
    expect(await other.keys()).toEqual(two)
    expect(one.publicKey).toBe(two.publicKey)
  })
})
