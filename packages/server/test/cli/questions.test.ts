import { PassThrough } from 'node:stream'
import { ClientError } from '@millrace/client'
import { describe, expect, it } from 'vitest'
import type { Followed } from '#cli/follow'
import { AgentPrinter } from '#cli/show/agent-printer'
import { runOf } from './scripted-server.ts'
import * as log from './session-log.ts'

const tty = () => Object.assign(new PassThrough(), { isTTY: true })

/** A person at a terminal: the text on it, and keys. Colours are left out. */
function person(
  options: { head?: number; answer?: (id: string, decision: string) => Promise<unknown> } = {},
) {
  const [stdin, screen] = [tty(), tty()]
  const answers: string[] = []
  const clock = { now: 1000 }
  let text = ''
  screen.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk.replace(/\u001b\[\d+m/g, '')
  })
  const printer = new AgentPrinter({
    run: runOf({ kind: 'session', head: options.head ?? 0 }),
    io: { stdin, stdout: screen, stderr: screen, env: {}, cwd: '/' },
    answer: async (id, { decision, scope }) => {
      answers.push(`${id} ${decision}${scope === 'run' ? ' in this run' : ''}`)
      await options.answer?.(id, decision)
    },
    now: () => clock.now,
  })
  let seq = 0
  return {
    answers,
    printer,
    stdin,
    text: () => text,
    show: async (...events: log.Said[]) => {
      for (const event of events) await printer.show({ kind: 'event', seq: ++seq, ...event } as Followed)
      await new Promise(setImmediate)
    },
    /** Types a line, by default after the time it takes to read. */
    type: async (line: string, after = 1000) => {
      clock.now += after
      // A terminal echoes input.
      text += `${line}\n`
      stdin.write(`${line}\n`)
      await new Promise(setImmediate)
      await new Promise(setImmediate)
    },
  }
}

const lastLine = (text: string) => text.split('\n').at(-1)
const prompt = '  allow? [y/N, a: always in this run] '

describe('a question', () => {
  it.each([
    ['y', 'allow'],
    ['YES', 'allow'],
    ['n', 'deny'],
    ['', 'deny'],
    ['a', 'allow in this run'],
  ])('typing %j answers a question: %s', async (line, decision) => {
    const at = person()
    await at.show(log.asked('q1', 'eval "$X"'))
    expect(lastLine(at.text())).toBe(prompt)
    await at.type(line)
    expect(at.answers).toEqual([`q1 ${decision}`])
    at.printer.end()
  })

  it('a question is asked again when the answer is neither yes nor no', async () => {
    const at = person()
    await at.show(log.asked('q1', 'x'))
    await at.type('what?')
    expect(at.answers).toEqual([])
    expect(lastLine(at.text())).toBe(prompt)
    await at.type('y')
    expect(at.answers).toEqual(['q1 allow'])
    at.printer.end()
  })

  it('a question is not answered by input typed before it could be read', async () => {
    const at = person()
    at.stdin.write('y\n')
    await at.show(log.asked('q1', 'x'))
    await at.type('y', 0)
    expect(at.answers).toEqual([])
    await at.type('y')
    expect(at.answers).toEqual(['q1 allow'])
    at.printer.end()
  })

  it('a question waits until the one before it is answered, and does not take that answer for its own', async () => {
    const at = person()
    await at.show(log.asked('q1', 'one'), log.asked('q2', 'two'))
    expect(at.text().split(prompt)).toHaveLength(3)
    await at.show(log.resolved('q1', { decision: 'deny', user: 'bob' }))
    expect(at.text()).toContain('✗ denied by bob: Bash one\n')
    await at.type('y', 10)
    expect(at.answers).toEqual([])
    await at.type('y')
    expect(at.answers).toEqual(['q2 allow'])
    at.printer.end()
  })

  it('a question is withdrawn when somebody else answers first, when it expires, and when the run ends', async () => {
    for (const [event, line] of [
      [log.resolved('q1'), '✓ allowed by ann: Bash one'],
      [
        log.resolved('q1', { decision: 'deny', by: 'expiry' }),
        '✗ denied since nobody answered in time: Bash one',
      ],
      [
        log.resolved('q1', { decision: 'deny', by: 'withdrawn' }),
        '✗ denied since the question was withdrawn: Bash one',
      ],
    ] as const) {
      const at = person()
      await at.show(log.asked('q1', 'one'), event)
      expect(at.text()).toMatch(new RegExp(`${prompt.replace(/[?[\]/]/g, '\\$&')}\n${line}\n$`))
      await at.type('y')
      expect(at.answers).toEqual([])
      at.printer.end()
    }
  })

  it('a question that is answered further on in the log is not asked', async () => {
    const at = person({ head: 3 })
    await at.show(log.asked('q1', 'old'), log.resolved('q1'))
    await at.show(log.asked('q2', 'new'))
    expect(at.text().split(prompt)).toHaveLength(2)
    await at.type('y')
    expect(at.answers).toEqual(['q2 allow'])
    at.printer.end()
  })

  it('an open question stays in sight below other output', async () => {
    const at = person()
    await at.show(log.asked('q1', 'one'))
    await at.show(log.whole([log.call('Bash', { command: 'ls' })], 'call-9'))
    expect(at.text().endsWith(`${prompt}\n  ● Bash ls\n${prompt}`)).toBe(true)
    at.printer.end()
  })

  it('a question is asked again if the answer cannot be delivered, and dropped if the server says it is answered', async () => {
    const failures = [
      new ClientError('unreachable', 'http://x does not answer: gone'),
      new ClientError('already_answered', 'Already answered', { status: 409 }),
    ]
    const at = person({ answer: () => Promise.reject(failures.shift()) })
    await at.show(log.asked('q1', 'one'))
    await at.type('y')
    expect(at.text()).toContain('not answered: http://x does not answer: gone\n')
    expect(lastLine(at.text())).toBe(prompt)
    await at.type('y')
    expect(at.answers).toEqual(['q1 allow', 'q1 allow'])
    expect(lastLine(at.text())).toBe('')
    at.printer.end()
  })

  it('once standard input ends, the commands that answer a question are printed', async () => {
    const at = person()
    await at.show(log.asked('q1', 'one'))
    at.stdin.end()
    await new Promise((resolve) => at.stdin.once('close', resolve))
    expect(at.text()).toMatch(/\n {2}millrace approve \S+ q1\n {2}millrace deny \S+ q1\n$/)
    at.printer.end()
  })

  it('the keyboard is released at the end', async () => {
    const at = person()
    await at.show(log.asked('q1', 'one'))
    expect(at.stdin.listenerCount('data')).toBe(1)
    await at.show(log.ended('aborted'))
    expect(at.stdin.listenerCount('data')).toBe(0)
    expect(at.stdin.isPaused()).toBe(true)
    at.printer.end()
  })
})
