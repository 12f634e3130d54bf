/** Attachments: what messages bring along, how long it is kept, and what it takes. */
import type { NewMessage } from '@millrace/server/store'
import { expect, test } from 'vitest'
import {
  completed,
  messageDelivered as delivered,
  entry,
  newApproval,
  newMessage,
  newRun,
  readAll,
  runningRun,
  type Subject,
  storedMessage as stored,
  takeOne,
  messageWithdrawn as withdrawn,
  withFile,
} from './material.ts'

export function describeAttachments(subject: Subject): void {
  describeContents(subject)
  describeRoom(subject)
  describeLimits(subject)
}

function describeContents(subject: Subject): void {
  test('the attachments of a message are there in order, go to the run that resumes, and go with their run', async () => {
    const { store } = subject
    const first = await runningRun(store)
    const about = { name: 'ü "1".png', mediaType: 'image/png', bytes: 3, sha256: 'ab' } as const
    const other = { name: 'b.txt', mediaType: 'text/plain', bytes: 0, sha256: '' } as const
    const [plain, rich] = [
      newMessage(),
      newMessage({
        attachments: [
          { ...about, data: 'AAAA' },
          { ...other, data: '' },
        ],
      }),
    ]
    await store.acceptMessage(first, plain)
    await store.acceptMessage(first, rich)
    const one = { ...stored(rich), attachments: [about, other] }
    expect(await store.undeliveredMessages(first)).toEqual([stored(plain), one])
    expect(await store.getMessage(first, rich.id)).toEqual(one)
    expect(await store.readAttachments(first, rich.id)).toEqual(['AAAA', ''])
    expect(await store.readAttachments(first, plain.id)).toEqual([])
    expect(await store.readAttachments(first, 'gone')).toEqual([])
    for (const _ of [1, 2]) await takeOne(store, first)
    await store.appendTranscript(first, 1, [entry('x')])
    await store.finish(first, 1, completed())
    const second = newRun({ resumes: first })
    await store.createRun(second)
    await subject.reopen()
    const again = subject.store
    expect(await again.undeliveredMessages(second.id)).toEqual([stored(plain), one])
    expect(await again.readAttachments(second.id, rich.id)).toEqual(['AAAA', ''])
    const carried = (await readAll(again, second.id)).map(({ json }) => JSON.parse(json).attachments)
    expect(carried.slice(1)).toEqual([undefined, [about, other]])
    await again.deleteRun(first)
    expect(await again.readAttachments(first, rich.id)).toEqual([])
    expect(await again.readAttachments(second.id, rich.id)).toEqual(['AAAA', ''])
  })

  test('a message that was taken and waits again after its run was parked still has its attachments', async () => {
    const { store } = subject
    const id = await runningRun(store, { kind: 'session' })
    const message = withFile(3_000)
    await store.acceptMessage(id, message)
    await takeOne(store, id)
    await store.requestApproval(id, 1, newApproval())
    await store.park(id, 1, { usage: null, event: null })
    expect(await store.undeliveredMessages(id)).toMatchObject([{ id: message.id, state: 'waiting' }])
    expect(await store.readAttachments(id, message.id)).toEqual([message.attachments?.[0]?.data])
  })
}

function describeRoom(subject: Subject): void {
  test('the contents of attachments take room until their message is delivered or withdrawn', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const before = await store.ownerBytes('ada')
    const grown = async () => (await store.ownerBytes('ada')) - before
    const [read, unread] = [withFile(3_000, 1, 2), withFile(30_000)]
    for (const message of [read, unread]) await store.acceptMessage(id, message)
    await takeOne(store, id)
    expect(await grown()).toBeGreaterThan(44_000)
    await store.deliverMessage(id, 1, read.id, delivered(read.id))
    await store.deliverMessage(id, 1, read.id, delivered(read.id))
    expect(await store.readAttachments(id, read.id)).toEqual([])
    expect(await store.readAttachments(id, unread.id)).toHaveLength(1)
    expect(await grown()).toBeGreaterThan(40_000)
    await store.withdrawMessage(id, unread.id, withdrawn(unread.id))
    expect(await store.readAttachments(id, unread.id)).toEqual([])
    // What is left: two texts, and four events.
    const log = await readAll(store, id)
    const events = log.slice(2).map(({ at, type, json }) => `${at} ${type} ${json}\n`)
    expect(await grown()).toBe(Buffer.byteLength(events.join('')) + 2 * 'go on'.length)
    for (const { id: messageId, attachments = [] } of [read, unread]) {
      const kept = await store.getMessage(id, messageId)
      expect(kept?.attachments?.map(({ bytes }) => bytes)).toEqual(attachments.map(({ bytes }) => bytes))
    }
    const counted = await store.ownerBytes('ada')
    await subject.reopen()
    expect(await subject.store.ownerBytes('ada')).toBe(counted)
    await subject.store.finish(id, 1, completed())
    await subject.store.deleteRun(id)
    expect(await subject.store.ownerBytes('ada')).toBe(0)
  })

  test('the contents of a carried message count once, for the run that has the message', async () => {
    const { store } = subject
    const first = await runningRun(store, { owner: 'ada' })
    const message = withFile(30_000)
    await store.acceptMessage(first, message)
    await store.appendTranscript(first, 1, [entry('x')])
    await store.finish(first, 1, completed())
    const before = await store.ownerBytes('ada')
    const second = newRun({ resumes: first })
    await store.createRun(second)
    expect((await store.ownerBytes('ada')) - before).toBeLessThan(2_000)
    await store.deleteRun(first)
    expect(await store.ownerBytes('ada')).toBeGreaterThan(40_000)
    expect(await store.readAttachments(second.id, message.id)).toHaveLength(1)
    await store.claim({ kind: 'job', limit: 1000, node: 'here' })
    await takeOne(store, second.id)
    await store.deliverMessage(second.id, 1, message.id, delivered(message.id))
    expect(await store.readAttachments(second.id, message.id)).toEqual([])
    expect(await store.ownerBytes('ada')).toBeLessThan(4_000)
  })
}

function describeLimits(subject: Subject): void {
  test('the messages of a run that are not delivered hold no more than their limit, texts and attachments together', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const say = (message: NewMessage) => store.acceptMessage(id, { ...message, undeliveredBytesMax: 10_000 })
    const refused = (message: NewMessage) =>
      expect(say(message)).rejects.toMatchObject({
        code: 'too_many_messages',
        message: expect.stringMatching(/^The messages that are not delivered hold .* at most 9\.8 KiB/),
      })
    const [first, second] = [withFile(6_000), withFile(3_000)]
    await say(first)
    await refused(withFile(4_000))
    await say(second)
    await refused(newMessage({ text: 'ü'.repeat(500) }))
    await say(newMessage({ text: 'x'.repeat(500) }))
    // A message that was taken may wait again.
    await takeOne(store, id)
    await refused(withFile(6_000))
    await store.deliverMessage(id, 1, first.id, delivered(first.id))
    await say(withFile(6_000))
    await refused(withFile(3_000))
    await store.withdrawMessage(id, second.id, withdrawn(second.id))
    await say(withFile(3_000))
  })

  test('a run takes no message while the runs of its owner take what they may, whoever sends it', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const other = await runningRun(store, { owner: 'bob' })
    const ownerBytesMax = (await store.ownerBytes('ada')) + 10_000
    const say = (run: string, message: NewMessage) => store.acceptMessage(run, { ...message, ownerBytesMax })
    const large = withFile(9_000)
    await say(id, large)
    const bytes = await store.ownerBytes('ada')
    await expect(say(id, newMessage({ user: 'bob' }))).rejects.toMatchObject({
      code: 'quota_exceeded',
      message: expect.stringMatching(/^The runs of ada take /),
      details: { ownerBytes: bytes, ownerBytesMax },
    })
    expect(await store.ownerBytes('ada')).toBe(bytes)
    await say(other, newMessage({ user: 'ada' }))
    await store.withdrawMessage(id, large.id, withdrawn(large.id))
    await say(id, newMessage())
  })

  test('messages that are written together are refused from the one on that finds the quota used up', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const ownerBytesMax = (await store.ownerBytes('ada')) + 10_000
    const sent = [1, 2, 3, 4].map(() => store.acceptMessage(id, { ...withFile(6_000), ownerBytesMax }))
    const codes = (await Promise.allSettled(sent)).map((one) =>
      one.status === 'fulfilled' ? 'accepted' : one.reason.code,
    )
    expect(codes).toEqual(['accepted', 'accepted', 'quota_exceeded', 'quota_exceeded'])
  })
}
