import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { Sandbox } from '@millrace/sandbox'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, it } from 'vitest'
import { CallProcess } from '#agents/tools/call-process'
import { CallEnd, type ToolContext } from '#agents/tools/tool'

/** A process that notes how it is ended. */
function openCall() {
  const graces: number[] = []
  const { promise: exited, resolve } = Promise.withResolvers<{ code: null; signal: 'SIGTERM' }>()
  const process = Object.assign(new EventEmitter(), {
    pid: 1,
    startTime: 0,
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    exited,
    breach: undefined,
    async end(graceMs: number) {
      graces.push(graceMs)
      resolve({ code: null, signal: 'SIGTERM' })
    },
  })
  const controller = new AbortController()
  const clock = new ManualClock()
  const context: ToolContext = {
    runId: 'run',
    sandbox: { spawn: async () => process } as unknown as Sandbox,
    projectPath: '/made/up',
    cwd: '/made/up',
    environment: {},
    limits: {},
    signal: AbortSignal.any([controller.signal]),
    recordProcess: async () => {},
  }
  const command = {
    argv: ['true'] as const,
    env: {},
    network: false,
    stdin: 'none' as const,
    timeoutSeconds: 9,
  }
  return { controller, clock, graces, start: () => CallProcess.start(context, command as never, clock) }
}

it.each([
  ['a second, where nothing else is said', undefined, 1000],
  ['no time, where none is granted', new CallEnd(0), 0],
  ['no more than a second, whatever is granted', new CallEnd(1500), 1000],
])('the processes of a call that is ended have %s', async (_, reason, grace) => {
  const { controller, clock, graces, start } = openCall()
  const call = await start()
  controller.abort(reason)
  expect(graces).toEqual([grace])
  await clock.advance(9000)
  expect(call.cut, 'the first cause').toBe('aborted')
  await call.close()
  expect(clock.pending).toBe(0)
})

it('a call that is ended before its process has started ends it at once', async () => {
  const { controller, graces, start } = openCall()
  controller.abort(new CallEnd(5))
  await start()
  expect(graces).toEqual([5])
})
