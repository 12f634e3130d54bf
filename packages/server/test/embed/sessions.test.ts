/** Sessions for a program that embeds a Millrace: the manager, and the runs behind it. */
import { randomUUID } from 'node:crypto'
import type { RunKind } from '@millrace/protocol'
import { temporaryFolder } from '@millrace/test-support/folders'
import { until } from '@millrace/test-support/until'
import { describe, expect, it } from 'vitest'
import { AgentSessionManager, agentSessionManager, createMillrace } from '#index'
import { openSqliteStore } from '#store/sqlite/store'
import type { Store } from '#store/store'
import { type Agent, completed, type SessionServer, untilAsked } from '#test/faces/support/session-server'
import { millraceIn, silent, toolbox } from './host.ts'
import { open, over, sessionIn } from './session-host.ts'

const nobodys = '00000000-0000-4000-8000-000000000000'

const stateOf = async (server: SessionServer, id: string) => (await server.embedded.get(id)).state

describe('a manager', () => {
  it('a manager returns the id of a session on disk, and finds it by id and by project', async () => {
    const { server, manager } = await open()
    const id = await manager.createSession('web', 'Go', 'src')
    expect(await server.embedded.get(id)).toMatchObject({
      kind: 'session',
      owner: 'admin',
      spec: { cwd: 'src' },
    })
    expect(await manager.getSession(id)).toMatchObject({ id, projectId: 'web', prompt: 'Go' })
    expect(await manager.getActiveSessionForProject('web')).toMatchObject({ id })
    expect(await manager.getActiveSessionForProject('api')).toBeNull()
    expect(await manager.getSession(nobodys)).toBeNull()
    const { id: job } = await server.embedded.start({ kind: 'job', project: 'web', tool: 'any' })
    expect(await manager.getSession(job)).toBeNull()
  })

  it('a manager starts one session per project, even for concurrent calls, and says why it refuses others', async () => {
    const { manager } = await open()
    const starts = await Promise.allSettled(
      Array.from({ length: 10 }, () => manager.createSession('web', 'Go')),
    )
    expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(manager.createSession('web', 'Go')).rejects.toMatchObject({ code: 'project_busy' })
    await expect(manager.createSession('nowhere', 'Go')).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(manager.createSession('web', ' ')).rejects.toMatchObject({ code: 'invalid_request' })
    await manager.createSession('api', 'Go')
  })

  it('a manager ends a session once; after that, or for an unknown id, there is nothing to end', async () => {
    const { server, manager } = await open()
    const id = await manager.createSession('web', 'Go')
    expect(await manager.abortSession(id)).toBe(true)
    expect(await stateOf(server, id)).toBe('aborted')
    expect(await manager.abortSession(id)).toBe(false)
    expect(await manager.abortSession(nobodys)).toBe(false)
    expect(await manager.getActiveSessionForProject('web')).toBeNull()
  })

  it('a manager of a principal sees only that user’s sessions', async () => {
    const { server, manager } = await open()
    const olgas = new AgentSessionManager({ runs: server.embedded }, { principal: 'olga' })
    const id = await manager.createSession('web', 'Go')
    expect(await olgas.getSession(id)).toBeNull()
    expect(await olgas.abortSession(id)).toBe(false)
    expect(await olgas.getActiveSessionForProject('web')).toBeNull()
    const own = await olgas.createSession('api', 'Go')
    expect(await olgas.shutdownAll('Olga leaves')).toBe(1)
    expect([await stateOf(server, own), await stateOf(server, id)]).toEqual([
      'interrupted',
      expect.any(String),
    ])
    expect(await manager.getActiveSessionForProject('web')).toMatchObject({ id })
  })

  it('a manager ends all sessions as interrupted with the given reason, queued ones too', async () => {
    const { server, manager } = await open({ concurrency: 1 })
    const sessions = [await sessionIn(manager, 'web'), await sessionIn(manager, 'api')]
    const { id: job } = await server.embedded.start({ kind: 'job', project: 'web', tool: 'any' })
    const ends = sessions.map(over)
    expect(await manager.shutdownAll('The disk is changed')).toBe(2)
    await manager.waitForAllCleanup()
    for (const end of await Promise.all(ends)) {
      expect(end).toMatchObject({ state: 'interrupted', error: 'The disk is changed' })
    }
    expect(['completed', 'interrupted']).not.toContain(await stateOf(server, job))
    expect(await manager.shutdownAll('Again')).toBe(0)
  })

  it('a manager waits for every running session to end, not for queued ones', async () => {
    const gate = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const agent: Agent = async ({ run, started, signal }) => {
      await started()
      begun.resolve()
      if (run.project === 'web') await gate.promise
      else await untilAsked(signal)
      return completed(run.id)
    }
    const { server, manager } = await open({ agent, concurrency: 1 })
    await manager.waitForAllCleanup()
    const id = await manager.createSession('web', 'Go')
    await begun.promise
    await manager.createSession('api', 'Go')
    let clean = false
    const waiting = manager.waitForAllCleanup().then(() => {
      clean = true
    })
    await server.embedded.list()
    expect(clean).toBe(false)
    gate.resolve()
    await waiting
    expect(await stateOf(server, id)).toBe('completed')
  })

  it('a manager does not wait for a session that begins while it reads which ones are running', async () => {
    const { server, manager } = await open({ concurrency: 1 })
    const first = await manager.createSession('web', 'Go')
    const second = await manager.createSession('api', 'Go')
    await until(async () => (await stateOf(server, first)) === 'running')
    const list: typeof server.embedded.list = async (filter, principal) => {
      if (filter?.state === 'running') {
        await manager.abortSession(first)
        await until(async () => (await stateOf(server, second)) === 'running')
      }
      return server.embedded.list(filter, principal)
    }
    await new AgentSessionManager({ runs: { ...server.embedded, list } }).waitForAllCleanup()
    expect(await stateOf(server, second)).toBe('running')
  })

  it('a manager reports how many open runs the start found and closed', async () => {
    const dataDir = temporaryFolder()
    const store = await openSqliteStore({ dataDir })
    const left = await leaveOpen(store, ['session', 'session', 'job'])
    await store.close()
    const millrace = millraceIn({ dataDir })
    const manager = new AgentSessionManager(millrace)
    const starting = millrace.start()
    expect(await manager.cleanupOrphanedSessions()).toBe(3)
    await starting
    for (const id of left) expect(await millrace.runs.get(id)).toMatchObject({ state: 'interrupted' })
    await millrace.stop()
    await millrace.start()
    expect(await manager.cleanupOrphanedSessions()).toBe(0)
  })
})

/** Runs of a dead server that are still recorded as running. */
async function leaveOpen(store: Store, kinds: RunKind[]): Promise<string[]> {
  const ids = kinds.map(() => randomUUID())
  const at = Date.now()
  for (const [index, kind] of kinds.entries()) {
    await store.createRun({
      id: ids[index] ?? '',
      kind,
      project: `project ${index}`,
      owner: 'anna',
      spec: {},
      createdAt: at,
      retryOf: null,
      resumes: null,
      exclusive: kind === 'session',
      queued: { at, type: 'run:queued', json: '{}' },
      idempotency: null,
    })
    await store.claim({ kind, limit: 10, node: 'the one that is gone' })
  }
  return ids
}

describe('sessions among the runs', () => {
  it('sessions are resumed and answered through calls that are checked as over HTTP', async () => {
    const agent: Agent = async ({ run, started, appendTranscript, ask }) => {
      await started()
      await appendTranscript([{ conversation: 'one', subpath: '', json: '{}' }])
      await ask({ toolUseId: 't', tool: 'Bash', input: {}, reason: 'It cannot be read.' })
      return completed(run.id)
    }
    const { server, manager } = await open({ agent })
    const { embedded } = server
    const session = await sessionIn(manager)
    const asked = new Promise<string>((resolve) => {
      session.emitter.once('permission:requested', ({ approvalId }) => resolve(approvalId))
    })
    const end = over(session)
    const answer = (body: object, principal?: string) =>
      asked.then((approvalId) => embedded.answerApproval(session.id, approvalId, body as never, principal))
    await expect(answer({ decision: 'perhaps' })).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(answer({ decision: 'allow' }, 'bert')).rejects.toMatchObject({ code: 'not_found' })
    await expect(embedded.resume(session.id)).rejects.toMatchObject({ code: 'run_open' })
    expect(await answer({ decision: 'allow' })).toMatchObject({ by: 'person', user: 'admin' })
    await end
    await expect(answer({ decision: 'deny' })).rejects.toMatchObject({ code: 'already_answered' })
    await expect(embedded.resume(session.id, 'bert')).rejects.toMatchObject({ code: 'not_found' })
    const blank = embedded.resume(session.id, undefined, { prompt: ' ' })
    await expect(blank).rejects.toMatchObject({ code: 'invalid_request' })
    const { id } = await embedded.resume(session.id, undefined, { prompt: 'Go on' })
    expect(await embedded.get(id)).toMatchObject({ resumes: session.id, spec: { prompt: 'Go on' } })
    await expect(embedded.resume(session.id)).rejects.toMatchObject({ code: 'project_busy' })
    await manager.abortSession(id)
  })

  it('sessions are forked while they work, by their owner, and keep the conversation up to the event', async () => {
    const begins = Promise.withResolvers<string[]>()
    const agent: Agent = async ({ run, started, appendTranscript, readTranscript, emit, signal }) => {
      await started()
      if (run.forkOf !== null) {
        begins.resolve((await readTranscript()).map(({ json }) => json))
        return completed(run.id)
      }
      for (const uuid of ['one', 'two']) {
        void appendTranscript([{ conversation: 'c', subpath: '', json: JSON.stringify({ uuid }) }])
        await emit([{ type: 'assistant', data: { uuid } }])
      }
      await untilAsked(signal)
      return completed(run.id)
    }
    const { server } = await open({ agent })
    const { embedded } = server
    const { id } = await embedded.start({ kind: 'session', project: 'web', prompt: 'Go' })
    // Queued and started, then the two messages.
    await until(async () => (await embedded.get(id)).head >= 4)
    const request = { prompt: 'Try it otherwise', at: 3 }
    await expect(embedded.fork(id, 'bert', request)).rejects.toMatchObject({ code: 'not_found' })
    const blank = embedded.fork(id, undefined, { ...request, prompt: ' ' })
    await expect(blank).rejects.toMatchObject({ code: 'invalid_request' })
    const early = embedded.fork(id, undefined, { ...request, at: 1 })
    await expect(early).rejects.toMatchObject({ code: 'not_resumable' })
    await expect(embedded.fork(id, undefined, request)).rejects.toMatchObject({ code: 'project_busy' })
    await embedded.abort(id)
    await until(async () => (await stateOf(server, id)) === 'aborted')
    const fork = await embedded.fork(id, undefined, request)
    expect(await embedded.get(fork.id)).toMatchObject({ forkOf: id, spec: { fork: { entries: 1 } } })
    expect(await begins.promise).toEqual(['{"uuid":"one"}'])
  })

  it('sessions are interrupted with a reason, unless another cause came first', async () => {
    const { server, manager } = await open()
    const id = await manager.createSession('web', 'Go')
    expect(await server.embedded.interrupt(id, 'The disk is changed')).toMatchObject({
      state: 'interrupted',
      error: { message: 'The disk is changed' },
    })
    // A finished session stays as it is.
    expect(await server.embedded.abort(id)).toMatchObject({ state: 'interrupted' })
    const other = await manager.createSession('web', 'Go')
    await server.embedded.abort(other)
    expect(await server.embedded.interrupt(other, 'Late')).toMatchObject({ state: 'aborted' })
    await expect(server.embedded.interrupt(other, 'Mine', 'bert')).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})

describe('the manager of this process', () => {
  it('the shared manager uses the Millrace of this process; without one, or with several, it says what to do', async () => {
    await expect(agentSessionManager.getSession(nobodys)).rejects.toThrow(/await millrace\.start\(\)/)
    await expect(agentSessionManager.cleanupOrphanedSessions()).rejects.toMatchObject({ code: 'draining' })
    const [one, two] = [millraceIn(), millraceIn()]
    await one.start()
    expect(await agentSessionManager.getSession(nobodys)).toBeNull()
    await two.start()
    await expect(agentSessionManager.getSession(nobodys)).rejects.toThrow(
      /pass the intended one to the constructor/,
    )
    await one.stop()
    expect(await agentSessionManager.cleanupOrphanedSessions()).toBe(0)
    await two.stop()
    await expect(agentSessionManager.getSession(nobodys)).rejects.toMatchObject({ code: 'draining' })
  })

  it('the shared manager ignores a Millrace whose start failed', async () => {
    const wrong = createMillrace({ ...toolbox(temporaryFolder()), concurency: {} } as never, { log: silent })
    await expect(wrong.start()).rejects.toThrow('concurency')
    await expect(agentSessionManager.getSession(nobodys)).rejects.toMatchObject({ code: 'draining' })
  })
})
