import { ManualClock } from '@millrace/test-support/manual-clock'
import { describe, expect, it } from 'vitest'
import { RunDialogue } from '#runners/dialogue'
import type { EmittedEvent, TranscriptEntry } from '#runners/runner'
import { EndRequest } from '#runners/runner'
import { Mailbox } from './support/mailbox.ts'

function open({
  idleMs = null,
  transcript = [],
}: {
  idleMs?: number | null
  transcript?: TranscriptEntry[]
} = {}) {
  const messages = new Mailbox()
  const controller = new AbortController()
  const events: EmittedEvent[] = []
  const clock = new ManualClock()
  const emit = async (emitted: EmittedEvent[]) => void events.push(...emitted)
  const context = { messages, signal: controller.signal, emit }
  const wall = { setBy: 0 }
  const now = () => clock.now() + wall.setBy
  const dialogue = new RunDialogue({ context, transcript, idleMs, clock, now })
  let interrupts = 0
  const interrupt = () => {
    interrupts += 1
  }
  const attach = () => dialogue.attach({ interrupt })
  return { messages, dialogue, events, clock, wall, controller, attach, interrupts: () => interrupts }
}

/** Lets everything that can happen without time happen. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await new Promise((done) => setImmediate(done))
}

describe('what an agent receives when its turn is over', () => {
  it('messages that waited start turns in order, and then the run takes no more', async () => {
    const { messages, dialogue } = open()
    messages.say('one')
    messages.say('two')
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'one' })
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'two' })
    expect(messages.sealed).toBe(false)
    expect(await dialogue.nextTurn()).toBeNull()
    expect(messages.sealed).toBe(true)
  })

  it('an interactive run waits for a message, and says until when', async () => {
    const { messages, dialogue, events, clock } = open({ idleMs: 900_000 })
    const next = dialogue.nextTurn()
    await settle()
    expect(events).toEqual([{ type: 'session:idle', data: { until: clock.now() + 900_000 } }])
    clock.advance(899_999)
    await settle()
    messages.say('still there?')
    expect(await next).toMatchObject({ text: 'still there?' })
    expect(messages.sealed).toBe(false)
  })

  it('an interactive run ends when its time is over, and takes no more messages then', async () => {
    const { messages, dialogue, clock } = open({ idleMs: 900_000 })
    const next = dialogue.nextTurn()
    await settle()
    clock.advance(900_000)
    expect(await next).toBeNull()
    expect(messages.sealed).toBe(true)
  })

  it.each([
    ['back', -3_600_000],
    ['ahead', 3_600_000],
  ])('an interactive run waits as long as it says, also if the clock is set %s', async (_, ms) => {
    const { messages, dialogue, events, clock, wall } = open({ idleMs: 900_000 })
    wall.setBy = 5_000_000
    const next = dialogue.nextTurn()
    await settle()
    expect(events).toMatchObject([{ data: { until: 5_900_000 } }])
    wall.setBy += ms
    messages.say('only a hint')
    messages.withdraw(messages.messages[0]?.id ?? '')
    await settle()
    clock.advance(899_999)
    await settle()
    expect(messages.sealed).toBe(false)
    clock.advance(1)
    expect(await next).toBeNull()
  })

  it('a message that arrives as the time ends is read', async () => {
    const { messages, dialogue, clock } = open({ idleMs: 1000 })
    const next = dialogue.nextTurn()
    await settle()
    messages.beforeTake = async () => {
      if (messages.messages.length === 0) messages.say('just in time')
    }
    clock.advance(1000)
    expect(await next).toMatchObject({ text: 'just in time' })
  })

  it('an interactive run that is finished reads what waits, then ends', async () => {
    const { messages, dialogue, events } = open({ idleMs: 900_000 })
    messages.say('last words')
    messages.finish()
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'last words' })
    expect(await dialogue.nextTurn()).toBeNull()
    expect(events).toEqual([])
  })

  it('finishing ends the wait of an idle run', async () => {
    const { messages, dialogue } = open({ idleMs: 900_000 })
    const next = dialogue.nextTurn()
    await settle()
    messages.finish()
    expect(await next).toBeNull()
  })

  it('the end of the run ends the wait of an idle run', async () => {
    const { dialogue, controller } = open({ idleMs: 900_000 })
    const next = dialogue.nextTurn()
    await settle()
    controller.abort(new EndRequest('abort', 'enough'))
    await expect(next).rejects.toThrow('enough')
  })

  it('the end of the agent ends its wait, and leaves no timer', async () => {
    const { dialogue, clock } = open({ idleMs: 900_000 })
    const next = dialogue.nextTurn()
    await settle()
    dialogue.close()
    await expect(next).rejects.toThrow('the agent has ended')
    expect(clock.pending).toBe(0)
  })

  it('a message that the resumed conversation has is marked as delivered and not given to the agent', async () => {
    const { messages, dialogue } = open()
    const known = messages.say('known')
    messages.say('new')
    const transcript = [{ conversation: 'c', subpath: '', json: JSON.stringify({ uuid: known }) }]
    const resumed = open({ transcript })
    resumed.messages.messages.push(...messages.messages)
    expect(await resumed.dialogue.nextTurn()).toMatchObject({ text: 'new' })
    expect(resumed.messages.delivery).toEqual([known])
    expect(dialogue).toBeDefined()
  })
})

describe('messages during a turn', () => {
  it('only steers join a turn, and asking again is free until something arrives', async () => {
    const { messages, dialogue } = open()
    expect(await dialogue.joining()).toEqual([])
    expect(await dialogue.joining()).toEqual([])
    expect(messages.takes).toEqual(['joining'])
    messages.say('queued')
    messages.say('steer', 'steer')
    expect((await dialogue.joining()).map(({ text }) => text)).toEqual(['steer'])
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'queued' })
  })

  it('an interrupt cuts the turn once, and its message starts the next one', async () => {
    const { messages, dialogue, attach, interrupts } = open()
    attach()
    await settle()
    messages.say('later')
    await settle()
    expect(interrupts()).toBe(0)
    const cut = messages.say('now', 'interrupt')
    await settle()
    expect(interrupts()).toBe(1)
    expect(messages.withdraw(cut)).toBe(false)
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'now' })
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'later' })
  })

  it('an interrupt that arrived before the agent cuts its first turn', async () => {
    const { messages, attach, interrupts } = open()
    messages.say('stop at once', 'interrupt')
    attach()
    await settle()
    expect(interrupts()).toBe(1)
  })

  it('a turn that ends while its interrupt is being taken is not cut', async () => {
    const { messages, dialogue, attach, interrupts } = open()
    attach()
    await settle()
    const gate = Promise.withResolvers<void>()
    messages.beforeTake = () => gate.promise
    messages.say('now', 'interrupt')
    const next = dialogue.nextTurn()
    gate.resolve()
    expect(await next).toMatchObject({ text: 'now' })
    await settle()
    expect(interrupts()).toBe(0)
  })

  it('the second of two interrupts cuts the turn that the first began, and can be withdrawn until then', async () => {
    const { messages, dialogue, attach, interrupts } = open()
    attach()
    await settle()
    messages.say('first', 'interrupt')
    await settle()
    messages.say('second', 'interrupt')
    const third = messages.say('third', 'interrupt')
    await settle()
    expect(interrupts()).toBe(1)
    expect(messages.withdraw(third)).toBe(true)
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'first' })
    await settle()
    expect(interrupts()).toBe(2)
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'second' })
    await settle()
    expect(interrupts()).toBe(2)
  })

  it('an interrupt is not missed whenever it arrives while another is looked for', async () => {
    for (let hops = 0; hops < 20; hops += 1) {
      const { messages, attach, interrupts } = open()
      attach()
      for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
      messages.say('now', 'interrupt')
      await settle()
      expect(interrupts(), `after ${hops} turns of the queue`).toBe(1)
    }
  })

  it('two interrupts at once are both read, whichever of them is being looked for', async () => {
    const { messages, dialogue, attach } = open()
    attach()
    await settle()
    const gate = Promise.withResolvers<void>()
    messages.beforeTake = () => gate.promise
    messages.say('first', 'interrupt')
    messages.say('second', 'interrupt')
    gate.resolve()
    await settle()
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'first' })
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'second' })
    expect(await dialogue.nextTurn()).toBeNull()
  })

  it('an agent that cannot be interrupted reads the message when its turn is over', async () => {
    const { messages, dialogue } = open()
    dialogue.attach({})
    messages.say('now', 'interrupt')
    await settle()
    expect(messages.takes).toEqual([])
    expect(await dialogue.nextTurn()).toMatchObject({ text: 'now' })
  })
})
