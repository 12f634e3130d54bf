/** What the server gives to a session's process, and what it withholds. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { emitHighWater } from '#runners/runner'
import type { RecordingContext } from '#test/agents/claude/support/context'
import { openSessions, say, serve, use } from '#test/agents/claude/support/sessions'

const sessions = openSessions()
const file = (name: string) => join(sessions.project, name)
const canary = 'canary-of-the-server-7c1f'

beforeAll(() => {
  process.env.MILLRACE_TEST_CANARY = canary
  const spy =
    'env; for pid in self $PPID $1; do tr "\\0" "\\n" < /proc/$pid/environ; tr "\\0" " " < /proc/$pid/cmdline; done'
  writeFileSync(file('spy.sh'), `#!/bin/bash\n{ ${spy}; } > "$2" 2>&1\n`)
  chmodSync(file('spy.sh'), 0o755)
})
afterAll(() => {
  delete process.env.MILLRACE_TEST_CANARY
})

describe('the environment of a session', () => {
  it('no process that the agent can inspect has a secret of the server in its environment, and the address of the model there is closed once the session is over', async () => {
    for (const sandbox of [undefined, sessions.loose]) {
      const name = sandbox === undefined ? 'seen-inside.txt' : 'seen-outside.txt'
      const model = await serve([use('Bash', { command: `./spy.sh $PPID ${name}` }), say('Done.')], {
        apiKey: 'made-up-key',
      })
      const { outcome } = await sessions.run(model, {
        agent: { env: { DEPLOYMENT: 'test', MILLRACE_OWN: 'no', ANTHROPIC_API_KEY: 'no' } },
        ...(sandbox === undefined ? {} : { sandbox }),
      })
      expect(outcome).toMatchObject({ state: 'completed' })
      const seen = readFileSync(file(name), 'utf8')
      expect(seen).toContain('MILLRACE_RUN_ID=')
      expect(seen).toContain('DEPLOYMENT=test')
      expect(seen).toContain('SHELL=/bin/bash')
      expect(seen).toContain('--session-mirror')
      expect(seen).not.toContain(canary)
      expect(seen).not.toContain('made-up-key')
      expect(seen).not.toContain('MILLRACE_OWN')
      expect(seen).not.toMatch(/^ANTHROPIC_API_KEY=/m)
      const url = /^ANTHROPIC_BASE_URL=(.*)$/m.exec(seen)?.[1]
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
      expect(url).not.toBe(model.url)
      await expect(fetch(`${url}/v1/messages`, { method: 'POST' })).rejects.toThrow()
    }
  })
})

describe('a session', () => {
  it('a session works in the requested directory with the requested model, and reports the model', async () => {
    mkdirSync(file('sub'), { recursive: true })
    chmodSync(file('sub'), 0o777)
    const model = await serve([use('Bash', { command: 'pwd > here.txt' }), say('Done.')])
    const cwd = file('sub')
    const { context } = await sessions.run(model, { cwd, model: 'some-model' })
    expect(readFileSync(join(cwd, 'here.txt'), 'utf8').trim()).toBe(cwd)
    expect(model.requests.map(({ body }) => (body as { model: string }).model)).toEqual([
      'some-model',
      'some-model',
    ])
    expect(context.startedWith).toEqual({ boundary: 'bubblewrap', model: 'some-model' })
  })

  it('a session has the documented tools, a prompt that says it works alone, no file that its prompt mentions, and the name of the demo that drives it', async () => {
    writeFileSync(file('mentioned.txt'), 'words of the file')
    const model = await serve([say('Hello.')])
    const { context, outcome } = await sessions.run(model, {
      prompt: `Look at @mentioned.txt and @${file('mentioned.txt')}`,
      agent: { disallowedTools: ['WebSearch'] },
      options: { model: { baseUrl: model.url, apiKey: undefined, demo: true } },
    })
    const { tools, permissionMode } = context.of('system')[0] as { tools: string[]; permissionMode: string }
    expect(permissionMode).toBe('default')
    expect(tools).toContain('Bash')
    for (const tool of ['NotebookEdit', 'ExitPlanMode', 'AskUserQuestion', 'WebSearch', 'CronCreate']) {
      expect(tools).not.toContain(tool)
    }
    const { system } = (model.requests[0]?.body ?? {}) as { system?: unknown }
    expect(JSON.stringify(system)).toContain('Ask no questions')
    // The policy judged no call that would have read it.
    expect(model.requests).toHaveLength(1)
    expect(JSON.stringify(model.requests)).toContain('@mentioned.txt')
    expect(JSON.stringify(model.requests)).not.toContain('words of the file')
    expect(context.startedWith).toMatchObject({ demo: 'scripted demo model' })
    expect(outcome).toMatchObject({ error: null, result: { demo: 'scripted demo model' } })
  })

  it('a session waits while its output is not on disk, and loses none of it', async () => {
    const words = Array.from({ length: 200 }, (_, index) => `${index}:${'x'.repeat(60_000)}`)
    const model = await serve([say(words)])
    const { context, run } = sessions.prepare(model)
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    context.beforeCommit = () => held
    const ended = run()
    await settled(context)
    // Much less than the 12 MB that the model produces.
    expect(context.uncommittedBytes).toBeGreaterThan(emitHighWater)
    expect(context.uncommittedBytes).toBeLessThan(2 * emitHighWater)
    release()
    const { outcome } = await ended
    expect(outcome.state).toBe('completed')
    expect(context.of('result')).toMatchObject([{ result: words.join('') }])
    // The log has all of it, the run's row only the beginning.
    const { text } = outcome.result as { text: string }
    expect(text.length).toBeLessThan(300_000)
    expect(words.join('').startsWith(text.slice(0, 262_144))).toBe(true)
  })
})

/** Waits until no more events arrive although nothing has ended. */
async function settled(context: RecordingContext): Promise<void> {
  for (let before = -1, same = 0; same < 10; ) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    const full = context.uncommittedBytes > emitHighWater
    same = full && context.events.length === before ? same + 1 : 0
    before = context.events.length
  }
}
