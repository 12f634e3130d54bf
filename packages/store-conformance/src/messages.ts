/** Messages: what people say to the agents of runs, who gets them, and what the end of a run does to them. */
import { randomUUID } from 'node:crypto'
import type { Commit } from '@millrace/server/store'
import { describe, expect, test } from 'vitest'
import { describeAttachments } from './attachments.ts'
import {
  completed,
  messageDelivered as delivered,
  entry,
  newMessage,
  newRun,
  readAll,
  runningRun,
  type Subject,
  storedMessage as stored,
  takeOne,
  upTo,
  messageWithdrawn as withdrawn,
} from './material.ts'
import { describeMessageRaces } from './message-races.ts'

export function describeMessages(subject: Subject): void {
  describe('messages', () => {
    describeDelivery(subject)
    describeCommits(subject)
    describeRefusals(subject)
    describeStrangers(subject)
    describeSealing(subject)
    describeAttachments(subject)
    describeCarrying(subject)
    describeMessageRaces(subject)
  })
}

function describeDelivery(subject: Subject): void {
  test('a message is in the log, waits until it is taken, and is delivered once', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const text = 'not\n"today" ü€🎉'
    const [first, second] = [newMessage({ text }), newMessage({ mode: 'steer' })]
    await store.acceptMessage(id, first)
    await store.acceptMessage(id, second)
    const [one, other] = [stored(first), stored(second)]
    expect(await store.undeliveredMessages(id)).toEqual([one, other])
    expect(await takeOne(store, id)).toEqual({ ...other, state: 'taken' })
    expect(await takeOne(store, id)).toEqual({ ...one, state: 'taken' })
    expect(await store.undeliveredMessages(id)).toEqual([
      { ...one, state: 'taken' },
      { ...other, state: 'taken' },
    ])
    for (const _ of [1, 2]) await store.deliverMessage(id, 1, first.id, delivered(first.id))
    expect(await store.getMessage(id, first.id)).toEqual({ ...one, state: 'delivered' })
    const log = await readAll(store, id)
    expect(log.slice(2).map(({ seq, type }) => [seq, type])).toEqual([
      [3, 'message:queued'],
      [4, 'message:queued'],
      [5, 'message:delivered'],
    ])
    expect(log[2]).toMatchObject(first.event)
    await subject.reopen()
    expect(await subject.store.undeliveredMessages(id)).toEqual([{ ...other, state: 'taken' }])
    expect(await readAll(subject.store, id)).toEqual(log)
  })

  test('an interrupt starts a turn before a steer, and a steer before what was queued', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const sent = (['queue', 'steer', 'interrupt', 'queue', 'interrupt', 'steer'] as const).map((mode) =>
      newMessage({ mode }),
    )
    for (const message of sent) await store.acceptMessage(id, message)
    const order: (string | undefined)[] = []
    for (const _ of sent) order.push((await takeOne(store, id))?.id)
    expect(order).toEqual([2, 4, 1, 5, 0, 3].map((index) => sent[index]?.id))
    expect(await takeOne(store, id)).toBeUndefined()
  })

  test('all steers join a turn together and in order, and only an interrupt cuts one', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const [queued, one, two] = [newMessage(), newMessage({ mode: 'steer' }), newMessage({ mode: 'steer' })]
    for (const message of [queued, one, two]) await store.acceptMessage(id, message)
    const cutting = () => store.takeMessages(id, 1, { want: 'interrupt', seal: false })
    expect(await cutting()).toEqual({ messages: [], sealed: false })
    const joining = await store.takeMessages(id, 1, { want: 'joining', seal: false })
    expect(joining.messages.map((message) => message.id)).toEqual([one.id, two.id])
    const now = newMessage({ mode: 'interrupt' })
    await store.acceptMessage(id, now)
    expect((await cutting()).messages).toMatchObject([{ id: now.id, state: 'taken' }])
  })
}

function describeCommits(subject: Subject): void {
  test('the delivery of a message and an entry of the transcript that are written together share a commit', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const message = newMessage()
    await store.acceptMessage(id, message)
    await takeOne(store, id)
    const announced: Commit[] = []
    store.onCommit((commit) => announced.push(commit))
    const kept = store.appendTranscript(id, 1, [entry('said')])
    const marked = store.deliverMessage(id, 1, message.id, delivered(message.id))
    await Promise.race([kept, marked])
    expect(await store.readTranscript(id)).toHaveLength(1)
    expect(await store.getMessage(id, message.id)).toMatchObject({ state: 'delivered' })
    expect(announced.map(({ head, change }) => [head, change])).toEqual([[4, 'updated']])
  })

  test('a message that is withdrawn is not taken', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const [gone, stays] = [newMessage(), newMessage()]
    for (const message of [gone, stays]) await store.acceptMessage(id, message)
    await store.withdrawMessage(id, gone.id, withdrawn(gone.id))
    expect(await store.undeliveredMessages(id)).toEqual([stored(stays)])
    expect(await takeOne(store, id)).toMatchObject({ id: stays.id })
    expect((await readAll(store, id)).at(-1)).toMatchObject(withdrawn(gone.id))
    for (const { id: message } of [gone, stays]) {
      await expect(store.withdrawMessage(id, message, withdrawn(message))).rejects.toMatchObject({
        code: 'message_taken',
      })
    }
    expect(await readAll(store, id)).toHaveLength(5)
  })
}

function describeRefusals(subject: Subject): void {
  test('a run that is over, is unknown or has too many messages takes none', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const message = newMessage({ waitingMax: 1 })
    await store.acceptMessage(id, message)
    await expect(store.acceptMessage(id, newMessage({ waitingMax: 1 }))).rejects.toMatchObject({
      code: 'too_many_messages',
    })
    await expect(store.acceptMessage(id, { ...message, waitingMax: 9 })).rejects.toMatchObject({
      code: 'internal',
    })
    await takeOne(store, id)
    await store.acceptMessage(id, newMessage({ waitingMax: 1 }))
    await store.finish(id, 1, completed())
    await expect(store.acceptMessage(id, newMessage())).rejects.toMatchObject({ code: 'run_over' })
    await expect(store.acceptMessage(newRun().id, newMessage())).rejects.toMatchObject({ code: 'not_found' })
  })

  test('a message of another run cannot be taken back or delivered', async () => {
    const { store } = subject
    const [id, other] = [await runningRun(store), await runningRun(store)]
    const message = newMessage()
    await store.acceptMessage(other, message)
    for (const [run, name] of [
      [id, message.id],
      [other, randomUUID()],
    ] as const) {
      expect(await store.getMessage(run, name)).toBeNull()
      await expect(store.withdrawMessage(run, name, withdrawn(name))).rejects.toMatchObject({
        code: 'not_found',
      })
      await expect(store.deliverMessage(run, 1, name, delivered(name))).rejects.toMatchObject({
        code: 'not_found',
      })
    }
    await expect(store.deliverMessage(other, 1, message.id, delivered(message.id))).rejects.toMatchObject({
      code: 'internal',
    })
    expect(await store.undeliveredMessages(id)).toEqual([])
    expect(await readAll(store, id)).toHaveLength(2)
  })
}

function describeStrangers(subject: Subject): void {
  test('an old attempt takes and delivers nothing, nor does a run that is over', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const [taken, waiting] = [newMessage(), newMessage()]
    for (const message of [taken, waiting]) await store.acceptMessage(id, message)
    await takeOne(store, id)
    const calls = (attempt: number) => [
      store.takeMessages(id, attempt, { want: 'turn', seal: true }),
      store.deliverMessage(id, attempt, taken.id, delivered(taken.id)),
    ]
    for (const call of [...calls(0), ...calls(2)]) {
      await expect(call).rejects.toMatchObject({ code: 'stale_attempt' })
    }
    await store.finish(id, 1, completed())
    for (const call of [...calls(1), store.withdrawMessage(id, waiting.id, withdrawn(waiting.id))]) {
      await expect(call).rejects.toMatchObject({ code: 'run_over' })
    }
    expect((await store.undeliveredMessages(id)).map(({ state }) => state)).toEqual(['taken', 'waiting'])
  })

  test('the messages of a deleted run are gone', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const message = newMessage()
    await store.acceptMessage(id, message)
    await store.finish(id, 1, completed())
    await store.deleteRun(id)
    expect(await store.getMessage(id, message.id)).toBeNull()
    expect(await store.undeliveredMessages(id)).toEqual([])
  })
}

function describeSealing(subject: Subject): void {
  test('an agent that finds no message and is to end has sealed the run, which takes no more', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const ends = () => store.takeMessages(id, 1, { want: 'turn', seal: true })
    const message = newMessage()
    await store.acceptMessage(id, message)
    expect(await ends()).toMatchObject({ messages: [{ id: message.id }], sealed: false })
    expect(await store.takeMessages(id, 1, { want: 'turn', seal: false })).toEqual({
      messages: [],
      sealed: false,
    })
    expect(await ends()).toEqual({ messages: [], sealed: true })
    await expect(store.acceptMessage(id, newMessage())).rejects.toMatchObject({ code: 'not_listening' })
    await subject.reopen()
    await expect(subject.store.acceptMessage(id, newMessage())).rejects.toMatchObject({
      code: 'not_listening',
    })
  })

  test('a run that is sealed from outside keeps what waits, and says when nothing is left', async () => {
    const { store } = subject
    const id = await runningRun(store)
    const message = newMessage()
    await store.acceptMessage(id, message)
    const announced: Commit[] = []
    store.onCommit((commit) => announced.push(commit))
    for (const _ of [1, 2]) expect(await store.sealRun(id)).toMatchObject({ id, head: 3 })
    expect(announced).toEqual([
      { runId: id, change: 'updated', state: 'running', head: 3, closed: false, events: [] },
    ])
    await expect(store.acceptMessage(id, newMessage())).rejects.toMatchObject({ code: 'not_listening' })
    const next = () => store.takeMessages(id, 1, { want: 'turn', seal: false })
    expect(await next()).toMatchObject({ messages: [{ id: message.id }], sealed: true })
    expect(await next()).toEqual({ messages: [], sealed: true })
    await store.finish(id, 1, completed())
    await expect(store.sealRun(id)).rejects.toMatchObject({ code: 'run_over' })
    await expect(store.sealRun(newRun().id)).rejects.toMatchObject({ code: 'not_found' })
  })
}

function describeCarrying(subject: Subject): void {
  test('a run that resumes another has the messages that were not delivered there, and has them alone', async () => {
    const { store } = subject
    const first = await runningRun(store)
    const [done, taken, gone, waiting] = upTo(4).map(() => newMessage({ text: 'ü\n' }))
    if (!done || !taken || !gone || !waiting) throw new Error('four were made')
    for (const message of [done, taken, gone, waiting]) await store.acceptMessage(first, message)
    for (const _ of [done, taken]) await takeOne(store, first)
    await store.deliverMessage(first, 1, done.id, delivered(done.id))
    await store.withdrawMessage(first, gone.id, withdrawn(gone.id))
    await store.appendTranscript(first, 1, [entry('x')])
    await store.finish(first, 1, completed())
    const announced: Commit[] = []
    store.onCommit((commit) => announced.push(commit))

    const second = newRun({ resumes: first, createdAt: 11_000 })
    expect((await store.createRun(second)).run.head).toBe(3)
    const log = await readAll(store, second.id)
    expect(log.slice(1).map(({ at, type, json }) => ({ at, type, data: JSON.parse(json) }))).toEqual(
      [taken, waiting].map(({ id, mode, text, user }) => ({
        at: 11_000,
        type: 'message:queued',
        data: { messageId: id, mode, text, user, carriedFrom: first },
      })),
    )
    expect(announced).toMatchObject([{ runId: second.id, change: 'created', head: 3, events: log }])
    expect(await store.undeliveredMessages(second.id)).toEqual([taken, waiting].map(stored))
    expect(await store.undeliveredMessages(first)).toEqual([])
    expect(await store.getMessage(first, waiting.id)).toMatchObject({ state: 'carried' })
    const third = newRun({ resumes: first })
    await store.createRun(third)
    expect(await store.undeliveredMessages(third.id)).toEqual([])
    await store.deleteRun(first)
    await subject.reopen()
    expect(await subject.store.undeliveredMessages(second.id)).toEqual([taken, waiting].map(stored))
  })
}
