import { PassThrough } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { RunPrinter } from '#cli/show/run-printer'
import { Terminal } from '#cli/terminal'
import { runOf } from './scripted-server.ts'

const shown = (type: string, data: object, json = false) => printed([{ type, data }], json)

async function printed(events: { type: string; data: object }[], json = false) {
  const io = { stdout: new PassThrough(), stderr: new PassThrough(), env: {}, cwd: '/' }
  const printer = new RunPrinter(new Terminal(io, { json }), runOf({ kind: 'job', head: 0 }))
  for (const event of events)
    await printer.show({ kind: 'event', seq: 3, ...event } as Parameters<RunPrinter['show']>[0])
  io.stdout.end()
  io.stderr.end()
  return { stdout: await readAll(io.stdout), stderr: await readAll(io.stderr) }
}

const quarantined = {
  path: '.mcp.json',
  keptAt: '/data/quarantine/r1/.mcp.json',
  message: 'Millrace moved .mcp.json',
}

it('a file that was moved out of the project is a remark in words', async () => {
  const { stdout, stderr } = await shown('sandbox:quarantined', quarantined)
  expect(stdout).toBe('')
  expect(stderr).toContain('Millrace moved .mcp.json')
  expect(stderr).not.toContain('{')
})

it('a line of a terminal is shown once it is finished, in its last state', async () => {
  const terminal = { columns: 80, rows: 24 }
  const output = await printed([
    ...['10 %', '\r50 %', '\r100 %\r\n', 'end'].map((line) => ({
      type: 'output',
      data: { line, timestamp: 1, stream: 'stdout', terminal },
    })),
    { type: 'complete', data: { exitCode: 0, signal: null, durationMs: 1 } },
  ])
  expect(output.stdout).toBe('100 %\nend\n')
})

it('settings that stay inside the run are a remark in words', async () => {
  const message = 'Millrace keeps these settings inside the run: core.pager'
  const heldBack = { path: '.git/config', settings: ['core.pager'], message }
  const { stdout, stderr } = await shown('sandbox:held-back', heldBack)
  expect(stdout).toBe('')
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('{')
})

it('with --json a program gets the whole event', async () => {
  const { stdout } = await shown('sandbox:quarantined', quarantined, true)
  expect(JSON.parse(stdout)).toEqual({ seq: 3, type: 'sandbox:quarantined', data: quarantined })
})

it.each([
  [{ exitCode: 129, signal: null }, 'exit code 129 after 1.0 s'],
  [{ exitCode: null, signal: 'SIGSEGV' }, 'ended by SIGSEGV after 1.0 s'],
  [{ exitCode: null, signal: 'SIGKILL', limit: 'protected' }, 'it kept making files under protected names'],
  [{ exitCode: null, signal: 'SIGKILL', limit: 'memory' }, 'it exceeded its memory limit'],
])('the end of a job is said in words: %j', async (end, words) => {
  const { stderr } = await shown('complete', { durationMs: 1000, timedOut: false, ...end })
  expect(stderr).toContain(words)
})
