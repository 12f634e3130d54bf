/** The emitter of a session: its events, its listeners, and its cost when nobody listens. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { AgentSessionManager } from '#index'
import { type Agent, completed } from '#test/faces/support/session-server'
import { found, open, over, sessionIn } from './session-host.ts'

/** An agent that says these messages, one each time it may continue. */
function speaker(messages: { type: string }[]): { agent: Agent; goOn: () => void } {
  const gates = messages.map(() => Promise.withResolvers<void>())
  let gone = 0
  const agent: Agent = async ({ run, started, emit }) => {
    await started()
    for (const [index, data] of messages.entries()) {
      await gates[index]?.promise
      await emit([{ type: data.type, data }])
    }
    return completed(run.id)
  }
  return { agent, goOn: () => gates[gone++]?.resolve() }
}

describe('the emitter of a session', () => {
  const messages = [
    { type: 'system', subtype: 'init' },
    { type: 'stream_event', event: { delta: 'Hel' } },
    { type: 'assistant', message: { text: 'Hello' } },
    { type: 'error', message: 'A type that an emitter throws at' },
    { type: 'end', message: 'A type that means something else here' },
    { type: 'result', subtype: 'success' },
  ]

  it('an emitter emits each message as it comes, as `message` and under its type, and `end` last', async () => {
    const { agent, goOn } = speaker(messages)
    const { manager } = await open({ agent })
    const session = await sessionIn(manager)
    const heard: unknown[] = []
    const results: unknown[] = []
    let next = Promise.withResolvers<void>()
    session.emitter.on('message', (message) => {
      heard.push(message)
      next.resolve()
    })
    session.emitter.on('result', (message) => results.push(message))
    const end = over(session)
    for (const [index] of messages.entries()) {
      goOn()
      await next.promise
      expect(heard).toEqual(messages.slice(0, index + 1))
      next = Promise.withResolvers()
    }
    expect(await end).toEqual({ sessionId: session.id, state: 'completed' })
    expect(results).toEqual([{ type: 'result', subtype: 'success' }])
  })

  it('an emitter emits approvals and denials under their type, not as messages', async () => {
    const agent: Agent = async ({ run, started, ask }) => {
      await started()
      await ask({ toolUseId: 't', tool: 'Bash', input: {}, reason: 'It cannot be read.' })
      return completed(run.id)
    }
    const { server, manager } = await open({ agent })
    const session = await sessionIn(manager)
    const said: string[] = []
    session.emitter.on('message', ({ type }) => said.push(type))
    session.emitter.on('run:started', () => said.push('begun'))
    session.emitter.on('permission:requested', async ({ approvalId }) => {
      said.push('asked')
      await server.embedded.answerApproval(session.id, approvalId, { decision: 'allow' }, 'admin')
    })
    session.emitter.on('permission:resolved', ({ user }) => said.push(user ?? ''))
    await over(session)
    expect(said).toEqual(['begun', 'asked', 'admin'])
  })

  it('a listener that joins late, or after the end, receives everything from the first message', async () => {
    const { agent, goOn } = speaker(messages)
    for (const _ of messages) goOn()
    const { manager } = await open({ agent })
    const first = await sessionIn(manager)
    await over(first)
    const late = found(await manager.getSession(first.id))
    expect(late.state).toBe('completed')
    const heard: unknown[] = []
    late.emitter.on('message', (message) => heard.push(message))
    await over(late)
    expect(heard).toEqual(messages)
  })

  it('an emitter without listeners follows nothing, and resumes where the last listener left', async () => {
    const { agent, goOn } = speaker(messages)
    const { server, manager } = await open({ agent })
    const followers = () => server.followers()
    const session = await sessionIn(manager)
    expect(followers()).toBe(0)
    const heard: unknown[] = []
    const listen = () =>
      new Promise<void>((resolve) => {
        session.emitter.once('message', (message) => {
          heard.push(message)
          resolve()
        })
      })
    goOn()
    await listen()
    await expect.poll(followers).toBe(0)
    goOn()
    goOn()
    await listen()
    await listen()
    expect(heard).toEqual(messages.slice(0, 3))
    session.emitter.on('message', () => {}).on('end', () => {})
    await expect.poll(followers).toBe(1)
    session.emitter.removeAllListeners()
    await expect.poll(followers).toBe(0)
    goOn()
    await listen()
    expect(heard).toEqual(messages.slice(0, 4))
  })

  it('a listener that throws causes an uncaught exception, and the emitter continues', async () => {
    const { agent, goOn } = speaker(messages)
    for (const _ of messages) goOn()
    const { manager } = await open({ agent })
    const session = await sessionIn(manager)
    const uncaught: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error))
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException')
      for (const other of others) process.on('uncaughtException', other)
    })
    session.emitter.once('message', () => {
      throw new Error('of the listener')
    })
    const heard: string[] = []
    session.emitter.on('message', ({ type }) => heard.push(type))
    await over(session)
    await new Promise((resolve) => setImmediate(resolve))
    expect(uncaught).toEqual([new Error('of the listener')])
    expect(heard).toEqual(messages.slice(1).map(({ type }) => type))
  })

  it('a log that cannot be read is reported to listeners for `error` only', async () => {
    const { server } = await open()
    const broken = {
      ...server.embedded,
      // biome-ignore lint/correctness/useYield: it fails before it yields
      async *follow(): AsyncGenerator<never> {
        throw new Error('of the disk')
      },
    }
    const manager = new AgentSessionManager({ runs: broken })
    const session = await sessionIn(manager)
    const told = new Promise((resolve) => session.emitter.once('error', resolve))
    expect(await told).toEqual(new Error('of the disk'))
    session.emitter.on('message', () => {})
    await new Promise((resolve) => setImmediate(resolve))
  })
})
