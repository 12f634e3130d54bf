/** How an agent ends, and what is left of it: no process, whatever the agent does. */
import { ManualClock } from '@millrace/test-support/manual-clock'
import { describe, expect, it } from 'vitest'
import { monotonicClock } from '#time/clock'
import { openAgents, saidIn, scripted } from './support/agents.ts'

const agents = openAgents()
type Context = ReturnType<typeof agents.prepare>['context']

/** Resolves with the first event that fits. */
function event(context: Context, type: string): Promise<unknown> {
  return new Promise((resolve) => {
    context.onEvent = (emitted) => {
      if (emitted.type === type) resolve(emitted.data)
    }
  })
}

describe('an agent that ends badly', () => {
  it.each([
    ['exits at once', { traits: ['exits'] }, 'crashed', /exit code 3.*the licence has expired/],
    ['crashes in a turn', { prompt: 'crash' }, 'crashed', /exit code 7.*out of luck/],
    [
      'is not logged in',
      { traits: ['locked'] },
      'not_logged_in',
      /run "scripted login"|Authentication required/,
    ],
    ['speaks another version', { traits: ['newer'] }, 'not_started', /version 2 of the protocol/],
    ['has no modes', { traits: ['modeless'] }, 'mode_unknown', /has no mode default$/],
    ['has no such mode', { mode: 'strict' }, 'mode_unknown', /has no mode strict; it has yolo, default/],
    ['has no such model', { model: 'large' }, 'model_unknown', /no model large: it offers no choice/],
    ['is no program', { command: ['/nowhere/agent'] as const }, 'not_started', /nowhere.agent was not found/],
    ['refuses', { prompt: 'refuse' }, 'refusal', /refused/],
    ['answers with an error', { prompt: 'fail badly' }, 'agent_error', /refused to work: .*badly/],
    ['writes a line without end', { prompt: 'endless' }, 'protocol_error', /a line of more than/],
  ])('an agent that %s is said to have done so', async (_name, more, reason, error) => {
    const {
      traits = [],
      mode = 'default',
      command,
      ...asked
    } = more as Record<string, never> & { traits?: string[] }
    const entry = scripted({ mode, ...(command === undefined ? {} : { command }) }, traits)
    const { outcome } = await agents.run({ entry, ...asked })
    expect(outcome.state).toBe('errored')
    expect(outcome.data.reason).toBe(reason)
    expect(outcome.error?.message).toMatch(error)
  })

  it('an agent that never gets ready is ended after a minute', async () => {
    const clock = new ManualClock()
    const { run, context } = agents.prepare({ entry: scripted({}, ['silent']), options: { clock } })
    const ended = run()
    await expect.poll(() => context.startedWith).not.toBeNull()
    clock.advance(60_000)
    await elapse(clock, ended)
    expect((await ended).outcome).toMatchObject({
      data: { reason: 'not_started', error: 'The agent was not ready within 60 seconds' },
    })
  })

  it('an agent that falls silent in a turn is ended, one whose call takes long is not', async () => {
    const clock = new ManualClock()
    const { run, context } = agents.prepare({
      prompt: 'say a\nhang',
      options: { clock },
      entry: scripted({ stallSeconds: 5 }),
    })
    const said = event(context, 'acp:agent_message_chunk')
    const ended = run()
    await said
    clock.advance(6000)
    await elapse(clock, ended)
    expect((await ended).outcome.data).toMatchObject({ reason: 'stalled' })

    const busy = agents.prepare({
      prompt: 'run sleep 300',
      options: { clock },
      entry: scripted({ stallSeconds: 5 }),
    })
    const began = event(busy.context, 'acp:tool_call')
    const other = busy.run()
    await began
    clock.advance(60_000)
    busy.context.end()
    await elapse(clock, other)
    expect((await other).outcome.data).toMatchObject({ reason: 'aborted' })
  })

  it('a process that left its process group ends with its run', async () => {
    const { outcome } = await agents.run({ prompt: 'escape' })
    // That nothing is left is checked after every run.
    expect(outcome.result).toMatchObject({ text: 'escaped' })
  })
})

describe('an agent that is ended from outside', () => {
  it.each([
    ['a running command', 'run sleep 1000', 'acp:tool_call', []],
    ['an agent that ignores it', 'say waiting\nwait', 'acp:agent_message_chunk', ['stubborn']],
  ])('%s is gone within seconds', async (_name, prompt, type, traits) => {
    const { run, context } = agents.prepare({ prompt, entry: scripted({}, traits) })
    const seen = event(context, type)
    const ended = run()
    await seen
    context.end()
    expect((await ended).outcome).toMatchObject({ state: 'errored', data: { reason: 'aborted' } })
  })

  it('an open question is answered as cancelled, and the agent says how its turn ended', async () => {
    const { run, context } = agents.prepare({ prompt: 'mystery x', approvals: 'on' })
    context.answer = () => new Promise(() => {})
    const ended = run()
    await expect.poll(() => context.questions.length).toBe(1)
    context.end()
    await ended
    expect(context.of('acp:turn_end')).toEqual([expect.objectContaining({ stopReason: 'cancelled' })])
  })
})

describe('a conversation that is resumed', () => {
  it('an aborted run is resumed with all that was said, and the agent is asked for no replay', async () => {
    const first = agents.prepare({ prompt: 'say remember me\nwait' })
    const said = event(first.context, 'acp:agent_message_chunk')
    const ended = first.run()
    await said
    first.context.end()
    await ended
    const { context, outcome } = await agents.run({ prompt: 'history\nmode', resumes: first.context })
    expect(saidIn(context)).toEqual(['say remember me\nwait', 'default'])
    expect(context.of('acp:session')[0]).toMatchObject({ how: 'resume' })
    expect(outcome.state).toBe('completed')
    const third = await agents.run({ prompt: 'history', resumes: context })
    expect(saidIn(third.context)).toEqual(['say remember me\nwait | history\nmode'])
  })

  it('two runs that resume the same one do not see each other', async () => {
    const { context: first } = await agents.run({ prompt: 'say one' })
    for (const prompt of ['say two\nhistory', 'say three\nhistory']) {
      const { context } = await agents.run({ prompt, resumes: first })
      expect(saidIn(context).at(-1)).toBe('say one')
    }
  })

  it('an agent that can only load a conversation does so, and its replay is not logged again', async () => {
    const entry = scripted({}, ['loads'])
    const { context: first } = await agents.run({ entry, prompt: 'say one' })
    const { context } = await agents.run({ entry, prompt: 'history', resumes: first })
    expect(context.of('acp:user_message_chunk')).toEqual([])
    expect(saidIn(context)).toEqual(['say one'])
    expect(context.of('acp:session')[0]).toMatchObject({ how: 'load' })
  })

  it('an agent that can do neither, and a run whose home is gone, cannot be resumed', async () => {
    const entry = scripted({}, ['forgets'])
    const { context: first } = await agents.run({ entry, prompt: 'say one' })
    const { outcome } = await agents.run({ entry, prompt: 'history', resumes: first })
    expect(outcome.data).toMatchObject({ reason: 'not_resumable' })
    first.transcript.push({ conversation: 'x', subpath: '', json: '{"agent":"scripted","home":"gone"}' })
    const gone = await agents.run({ prompt: 'history', resumes: first })
    expect(gone.outcome.data).toMatchObject({ reason: 'not_resumable' })
  })
})

describe('an agent that says much', () => {
  it('the agent waits while its output is not on disk', async () => {
    const { run, context } = agents.prepare({ prompt: 'flood 30000' })
    const released = Promise.withResolvers<void>()
    context.beforeCommit = () => released.promise
    const ended = run()
    await expect.poll(() => context.uncommittedBytes).toBeGreaterThan(4 * 1024 ** 2)
    await settled(() => context.events.length)
    expect(context.mostUncommitted).toBeLessThan(8 * 1024 ** 2)
    released.resolve()
    const { outcome } = await ended
    expect(outcome.state).toBe('completed')
    expect(saidIn(context)).toHaveLength(30_000)
  })
})

/** Resolves when a number has not changed for a while. */
async function settled(number: () => number): Promise<void> {
  for (let same = 0, before = -1; same < 10; ) {
    same = number() === before ? same + 1 : 0
    before = number()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Advances the clock until a process has been given up. */
async function elapse(clock: ManualClock, ended: Promise<unknown>): Promise<void> {
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  const start = monotonicClock.now()
  while (!isOver && monotonicClock.now() - start < 60_000) {
    clock.advance(1000)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
