import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '@millrace/protocol'
import { applyToChanges, changesResponse, newChanges } from '@millrace/protocol/view'
import { temporaryFolder } from '@millrace/test-support/folders'
import { describe, expect, it } from 'vitest'
import type { AgentEngine, AgentHost } from '#agents/agent'
import type { EmittedEvent, RunContext } from '#runners/runner'
import { createSessionRunner } from '#runners/session/runner'
import { Mailbox } from '../../support/mailbox.ts'

/** Runs a session whose agent does this, and returns its log. */
async function logOf(
  project: string,
  work: (host: AgentHost) => void,
  cwd = project,
): Promise<EmittedEvent[]> {
  const log: EmittedEvent[] = []
  const engine: Pick<AgentEngine, 'start'> = {
    start: async (_task, host) => {
      work(host)
      const result = { text: 'done' }
      return {
        ended: Promise.resolve({ state: 'completed', result, usage: null }),
        cancel: () => {},
        interrupt: async () => {},
      } as unknown as Awaited<ReturnType<AgentEngine['start']>>
    },
  }
  const context = {
    run: { id: 'r1', spec: { prompt: 'p', cwd }, resumes: null } as unknown as Run,
    project: { id: 'p', path: project },
    signal: new AbortController().signal,
    sandbox: { report: { boundary: 'none', warnings: [], checks: [] } },
    uncommittedBytes: 0,
    messages: new Mailbox(),
    emit: async (events: EmittedEvent[]) => void log.push(...events),
    readTranscript: async () => [],
    log: { warn: (found: unknown) => expect(found).toBeUndefined(), info: () => {} },
  } as unknown as RunContext
  const runner = createSessionRunner({ engine, policy: undefined, hidden: [], home: '/nobody' })
  expect(await runner.run(context)).toMatchObject({ state: 'completed' })
  return log
}

const filesIn = (log: readonly EmittedEvent[]) =>
  changesResponse(
    log.reduce(
      (into, { type, data }, index) => applyToChanges(into, { seq: index + 1, type, data }),
      newChanges('session'),
    ),
  ).files.map(({ path, status, diff }) => `${status} ${path} ${diff.split('\n').slice(1).join(' ')}`)

/** As the tools of the SDK report them. */
const started = (cwd: string): EmittedEvent => ({ type: 'system', data: { subtype: 'init', cwd } })
const wrote = (filePath: string, content: string): EmittedEvent => ({
  type: 'user',
  data: { tool_use_result: { type: 'create', filePath, content, structuredPatch: [] } },
})
const edited = (filePath: string, lines: string[]): EmittedEvent => {
  const hunk = { oldStart: 1, oldLines: 1, newStart: 1, newLines: 1, lines }
  return { type: 'user', data: { tool_use_result: { filePath, structuredPatch: [hunk] } } }
}

describe.runIf(process.platform === 'linux')('a session in a project without git', () => {
  it('what its commands changed is in its log at the end', async () => {
    const project = temporaryFolder()
    const at = (name: string) => join(project, name)
    writeFileSync(at('one'), 'x\n')
    const log = await logOf(project, ({ emit }) => {
      void emit([started(project)])
      writeFileSync(at('one'), 'y\n')
      writeFileSync(at('two'), 'new\n')
    })
    expect(log.map(({ type }) => type)).toEqual(['system', 'session:changed'])
    expect(filesIn(log)).toEqual(['modified one -x +y', 'added two +new'])
  })

  it('nothing is added to a log that says everything', async () => {
    const project = temporaryFolder()
    writeFileSync(join(project, 'one'), 'x\n')
    const log = await logOf(project, ({ emit }) => {
      writeFileSync(join(project, 'one'), 'y\n')
      writeFileSync(join(project, 'two'), 'new\n')
      void emit([
        started(project),
        edited(join(project, 'one'), ['-x', '+y']),
        wrote(join(project, 'two'), 'new\n'),
      ])
    })
    expect(log.map(({ type }) => type)).toEqual(['system', 'user', 'user'])
  })

  it('a file that both a tool and a command changed has one diff, and one that a command took back has none', async () => {
    const project = temporaryFolder()
    writeFileSync(join(project, 'one'), 'x\n')
    const log = await logOf(project, ({ emit }) => {
      void emit([
        started(project),
        edited(join(project, 'one'), ['-x', '+y']),
        wrote(join(project, 'two'), 'new\n'),
        wrote(join(project, 'dist/made'), 'kept, since nobody looks there\n'),
      ])
      writeFileSync(join(project, 'one'), 'z\n')
    })
    expect(filesIn(log)).toEqual(['added dist/made +kept, since nobody looks there', 'modified one -x +z'])
  })

  it('a file outside the folder that the agent works in has its whole path', async () => {
    const project = temporaryFolder()
    mkdirSync(join(project, 'inner'))
    writeFileSync(join(project, 'one'), 'x\n')
    const log = await logOf(
      project,
      ({ emit }) => {
        void emit([started(join(project, 'inner'))])
        rmSync(join(project, 'one'))
        writeFileSync(join(project, 'inner/two'), 'new\n')
      },
      join(project, 'inner'),
    )
    expect(filesIn(log)).toEqual(['added two +new', `deleted ${project}/one -x`])
  })
})
