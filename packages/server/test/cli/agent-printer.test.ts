import { PassThrough } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Followed } from '#cli/follow'
import { AgentPrinter } from '#cli/show/agent-printer'
import { runOf } from './scripted-server.ts'
import * as log from './session-log.ts'

const run = runOf({ kind: 'session', spec: { prompt: 'Fix\nit' }, head: 0 })

interface Screened {
  stdout: string
  stderr: string
}

const styles = /\u001b\[\d+m/g

/** Returns the text on both streams after these events, without styles. */
async function shown(events: readonly log.Said[], isTTY = true): Promise<Screened> {
  const { stdout, stderr } = await bytesOf(events, isTTY)
  // Without a terminal there are no codes of ours.
  return isTTY
    ? { stdout: stdout.replace(styles, ''), stderr: stderr.replace(styles, '') }
    : { stdout, stderr }
}

async function bytesOf(events: readonly log.Said[], isTTY = true): Promise<Screened> {
  const stream = () => Object.assign(new PassThrough({ highWaterMark: 1 << 24 }), { isTTY })
  const io = { stdout: stream(), stderr: stream(), env: {}, cwd: '/' }
  const printer = new AgentPrinter({ run, io, answer: async () => undefined })
  for (const event of log.logOf(events)) await printer.show({ kind: 'event', ...event } as Followed)
  printer.end()
  io.stdout.end()
  io.stderr.end()
  return { stdout: await readAll(io.stdout), stderr: await readAll(io.stderr) }
}

/** Cuts anywhere, even in the middle of a character. */
function cutAt(places: readonly number[]): (value: string) => string[] {
  return (value) => {
    const at = [...new Set(places.map((place) => place % (value.length + 1)))].sort((a, b) => a - b)
    return [0, ...at].map((from, index) => value.slice(from, at[index] ?? value.length))
  }
}

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('a', '\n', '\r', '\u001b', '[', '3', '1', 'm', '\u0007', '\u009b', '😀', ' '),
  }),
)
const anyBlock = fc.oneof(
  anyText.map(log.text),
  anyText.map(log.thinking),
  anyText.map((command) => log.call('Bash', { command })),
)

describe('a session on the screen', () => {
  it('the end of a session says what it changed, with a line for each file', async () => {
    const many = Array.from({ length: 22 }, (_, index) => log.wrote(`/project/f${index}.txt`, 'a\nb\n'))
    const done = { type: 'completed', data: { sessionId: 's', state: 'completed' } }
    const { stderr } = await shown([log.init, log.whole([log.call('Bash', { command: 'x' })]), ...many, done])
    expect(stderr.split('\n').slice(-24)).toEqual([
      '-- 22 files changed (+44 −0), 1 command',
      ...many.slice(0, 20).map((_, index) => `   A f${index}.txt (+2 −0)`),
      '   … 2 more files',
      '-- completed',
      '',
    ])
    expect((await shown([log.init, done])).stderr).not.toContain('changed')
  })

  it('a session is shown as the same bytes however its deltas are cut, and without any', async () => {
    const cuts = fc.array(fc.nat(60), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.array(anyBlock, { minLength: 1, maxLength: 5 }), cuts, async (blocks, places) => {
        const late = [...blocks.map((block) => log.whole([block])), log.result()]
        const live = [...log.answer(blocks, cutAt(places)), log.result()]
        expect(await bytesOf(live)).toEqual(await bytesOf(late))
      }),
      { numRuns: 200 },
    )
  })

  it('a session cannot control the terminal, wherever an escape sequence is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyBlock, { maxLength: 5 }), fc.array(fc.nat(60)), async (blocks, places) => {
        const { stdout, stderr } = await bytesOf(log.answer(blocks, cutAt(places)))
        for (const bytes of [stdout, stderr.replace(styles, '')]) {
          expect(bytes).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('the answer is on stdout, unchanged for a program, and all else on stderr', async () => {
    const events = [
      log.init,
      ...log.answer([
        log.thinking('Hm.'),
        log.text('Done \u001b[1mnow\r\n'),
        log.call('Bash', { command: 'npm test' }),
      ]),
      log.results('fine'),
      log.result(),
      log.ended('completed'),
    ]
    expect(await shown(events, false)).toEqual({
      stdout: 'Done \u001b[1mnow\r\n',
      stderr: [
        '-- model model-1',
        'Hm.',
        '● Bash npm test',
        '  fine',
        '-- 2 turns, $0.0123, 3.2 s',
        '-- 1 command',
        '-- completed',
        '',
      ].join('\n'),
    })
  })

  it('a text whose stream was cut is continued, and another answer is shown whole', async () => {
    const begun = log.answer([log.text('Hello, ')]).slice(0, 3)
    const same = await shown([...begun, log.whole([log.text('Hello, world')])])
    expect(same.stdout).toBe('Hello, world\n')
    const other = await shown([...begun, log.whole([log.text('Good day')])])
    expect(other.stdout).toBe('Hello, \nGood day\n')
    const retry = {
      type: 'system',
      data: { type: 'system', subtype: 'api_retry', attempt: 1, max_retries: 10, error: 'overloaded' },
    }
    const between = await shown([...begun, retry, log.whole([log.text('Hello, world')])])
    expect(between).toEqual({
      stdout: 'Hello, \nHello, world\n',
      stderr: "-- model model-1\n-- the model's API failed (overloaded); attempt 1 of 10\n",
    })
  })

  it('after a reset the log is shown again from its first kept event', async () => {
    const stream = () => Object.assign(new PassThrough(), { isTTY: false })
    const io = { stdout: stream(), stderr: stream(), env: {}, cwd: '/' }
    const printer = new AgentPrinter({ run, io, answer: async () => undefined })
    const events = log.logOf([log.whole([log.text('one')]), log.whole([log.text('two')])])
    for (const event of events) await printer.show({ kind: 'event', ...event } as Followed)
    const data = { reason: 'pruned' as const, firstSeq: 2, head: 2 }
    await printer.show({ kind: 'reset', data } as Followed)
    await printer.show({ kind: 'event', ...events[1] } as Followed)
    printer.end()
    io.stdout.end()
    expect(await readAll(io.stdout)).toBe('one\ntwo\ntwo\n')
  })

  it('the scripted demo model is introduced once as a script, whatever model the SDK names', async () => {
    const demo = log.whole([log.text('x')], null, 'scripted-demo-model')
    const { stderr } = await shown([log.init, demo, demo])
    expect(stderr).toBe('-- scripted demo model: a fixed script, not an AI\n')
  })

  it('calls are shown in one line, paths relative to the project, and results cut in the middle', async () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`).join('\n')
    const { stderr } = await shown([
      log.init,
      log.whole([log.call('Read', { file_path: '/project/src/a.js' })]),
      log.results([{ type: 'text', text: lines }, { type: 'image' }]),
      log.whole([log.call('Bash', { command: `echo ${'x'.repeat(300)}` })]),
      log.whole([log.call('Bash', { command: 'cd a\ncd b' })]),
      log.whole([log.call('Strange', { some: { deep: 1 } })]),
    ])
    expect(stderr.split('\n')).toEqual([
      '-- model model-1',
      '● Read src/a.js',
      ...['  line 1', '  line 2', '  line 3', '  … 15 lines …', '  line 19', '  line 20', '  (image)'],
      expect.stringMatching(/^● Bash echo x+…$/),
      '● Bash cd a …',
      '● Strange {"some":{"deep":1}}',
      '',
    ])
  })

  it('the work of a subagent is shown below the call that started it', async () => {
    const { stdout, stderr } = await shown([
      log.whole([log.call('Agent', { description: 'look around', prompt: 'long' })]),
      log.whole([log.text('I am another.'), log.call('Bash', { command: 'ls' })], 'call-1', 'model-2'),
      log.results('a.txt', false, 'call-1'),
    ])
    expect(stdout).toBe('')
    expect(stderr).toBe('-- model model-1\n● Agent look around\n  I am another.\n  ● Bash ls\n    a.txt\n')
  })

  it('denials and the reason of a failure are shown', async () => {
    const denied = {
      toolUseId: 'call-1',
      tool: 'Bash',
      input: { command: 'rm -rf /' },
      reason: 'It deletes.',
    }
    const { stderr } = await shown([
      { type: 'permission:denied', data: denied },
      log.results('no\nway', true),
      log.result({ subtype: 'error_max_turns', is_error: true, errors: ['Reached the limit'] }),
      log.ended('errored', { reason: 'error_max_turns', error: 'It took too many turns' }),
    ])
    expect(stderr).toBe(
      '✗ denied: Bash rm -rf /\n  It deletes.\n  no\n  way\n' +
        '-- error_max_turns, Reached the limit, 2 turns, $0.0123, 3.2 s\n' +
        '-- errored (error_max_turns: It took too many turns)\n',
    )
  })

  it('unknown and malformed messages are skipped', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('system', 'stream_event', 'assistant', 'user', 'result', 'rate_limit_event'),
        fc.jsonValue(),
        async (type, data) => {
          await shown([{ type, data: data as object }])
        },
      ),
    )
  })

  it('where nobody can be asked, the commands that answer an open question are printed', async () => {
    const open = await shown([log.asked('q1', 'eval "$X"')], false)
    expect(open.stderr).toBe(
      `? asks to run: Bash\n  eval "$X"\n  Why.\n  millrace approve ${run.id} q1\n  millrace deny ${run.id} q1\n`,
    )
  })

  it('a question shows the whole call', async () => {
    const { stdout } = await shown([log.asked('q1', 'ls \u202egpj.exe\u200b\nrm -rf \u001b[8mx')])
    expect(stdout).toContain('\n  ls \\u{202e}gpj.exe\\u{200b}\n  rm -rf \\u{1b}[8mx\n')
    const long = await shown([log.asked('q1', 'x'.repeat(9000))], false)
    expect(long.stderr).toContain('\n  … 1000 more characters are not shown\n')
  })
})
