/** What nodes say to each other, over a store that is only a list of nodes. */
import { MillraceError } from '@millrace/protocol'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, onTestFinished, test } from 'vitest'
import { Post } from '#nodes/post'
import { Elsewhere, nodePrefix } from '#realtime/elsewhere'
import type { Letter } from '#store/store'

function cluster() {
  const clock = new ManualClock()
  const inboxes = new Map<string, (letter: Letter) => void>()
  const failures: unknown[] = []
  const join = (id: string, sent = async () => {}) => {
    const shared = {
      post: async (to: string | null, text: string) => {
        for (const [node, hear] of inboxes) if (node !== id && (to ?? node) === node) hear({ from: id, text })
        await sent()
      },
      onLetter: (hear: (letter: Letter) => void) => {
        inboxes.set(id, hear)
        return () => void inboxes.delete(id)
      },
      nodes: async () => [...inboxes.keys()].map((node) => ({ id: node, announced: null })),
    }
    const post = new Post({ shared, after: clock.after, onFailure: (error) => failures.push(error) })
    onTestFinished(() => post.close())
    return { id, post, elsewhere: new Elsewhere({ post, nodes: shared.nodes }) }
  }
  return { clock, join, failures, inboxes }
}

test('what one node tells reaches all elsewhere once, and not itself', () => {
  const { join } = cluster()
  const heard: string[] = []
  const nodes = ['a', 'b', 'c'].map((id) => join(id))
  for (const { id, post } of nodes) post.on('news', (data) => heard.push(`${id} ${data}`))
  nodes[0]?.post.tell('news', 1)
  nodes[0]?.post.tell('unheard of', 1)
  expect(heard).toEqual(['b 1', 'c 1'])
})

test('a question is answered by the node it is put to, with its answer or its refusal', async () => {
  const { join } = cluster()
  const [a, b, c] = ['a', 'b', 'c'].map((id) => join(id))
  b?.post.on('double', (n) => Number(n) * 2)
  b?.post.on('refuse', () => {
    throw new MillraceError('rate_limited', 'Too many', { retryAfter: 7 })
  })
  c?.post.on('double', () => 'wrong')
  expect(await a?.post.ask('b', 'double', 21)).toBe(42)
  await expect(a?.post.ask('b', 'refuse', null)).rejects.toMatchObject({
    code: 'rate_limited',
    message: 'Too many',
    retryAfter: 7,
  })
})

// Failed before: the refusal was an unhandled rejection, which ends the server.
test('a refusal that arrives before the question is known to be sent is an ordinary failure', async () => {
  const { clock, join, failures } = cluster()
  join('b').post.on('refuse', () => {
    throw new MillraceError('not_found', 'Nothing here')
  })
  const sent = Promise.withResolvers<void>()
  const a = join('a', () => sent.promise)
  const asked = expect(a.post.ask('b', 'refuse', null)).rejects.toMatchObject({ message: 'Nothing here' })
  await new Promise((turn) => setTimeout(turn, 20))
  sent.resolve()
  await asked
  expect([clock.pending, failures]).toEqual([0, []])
})

test('a question that nobody answers fails in time, and leaves no timer', async () => {
  const { join, clock } = cluster()
  const a = join('a')
  join('b')
  const asked = a.post.ask('b', 'nothing listens', null)
  const refused = expect(asked).rejects.toMatchObject({ code: 'not_found' })
  await clock.advance(2000)
  await refused
  expect(clock.pending).toBe(0)
})

test('a letter that makes no sense is reported, and hurts nothing', async () => {
  const { join, failures, inboxes } = cluster()
  const a = join('a')
  inboxes.get('a')?.({ from: 'z', text: 'no JSON' })
  a.post.on('throws', () => Promise.reject(new Error('at fault')))
  inboxes.get('a')?.({ from: 'z', text: '{"topic":"throws"}' })
  await expect.poll(() => failures.length).toBe(2)
})

test('a subscription goes to the node that the id of the client names, and nowhere else', async () => {
  const { join } = cluster()
  const [a, b] = [join('aaaaaaaa-0000-4000-8000-000000000001'), join('bbbbbbbb-0000-4000-8000-000000000002')]
  const set: unknown[] = []
  b.elsewhere.onSubscribe((clientId, identity, subscriptions) => {
    if (!clientId.endsWith('-known')) throw new MillraceError('not_found', 'Missing or invalid client id.')
    set.push([identity?.principal.user, subscriptions.map(({ topic }) => topic)])
  })
  const ada = { principal: { user: 'ada', admin: false }, credential: null, parent: null, expiresAt: null }
  const topics = [{ text: 'runs/*', topic: 'runs/*', ofRecords: true, fields: '' }]
  expect(await a.elsewhere.subscribe(`${nodePrefix(b.id)}-known`, ada, topics)).toBe(true)
  expect(set).toEqual([['ada', ['runs/*']]])
  await expect(a.elsewhere.subscribe(`${nodePrefix(b.id)}-gone`, ada, topics)).rejects.toMatchObject({
    code: 'not_found',
  })
  expect(await a.elsewhere.subscribe('cccccccccccc-known', ada, topics)).toBe(false)
  expect(await a.elsewhere.subscribe('of another shape', ada, topics)).toBe(false)
})
