/** `millrace ask` on a real terminal (util-linux `script` makes one), with a person who types. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished, vi } from 'vitest'
import { place } from './child.ts'
import { frame, json, openStream, runOf, scriptedServer } from './scripted-server.ts'
import * as log from './session-log.ts'

const bin = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url))

it('a question is shown in full, answered by typing y, and nothing is left on the screen', async () => {
  const where = place()
  const record = runOf({ kind: 'session', spec: { prompt: 'Go' } })
  const answered = Promise.withResolvers<void>()
  const begun = [...log.answer([log.text('I need '), log.thinking('Hm')]), log.asked('q1', 'eval "$X"')]
  const approval = { approvalId: '00000000-0000-4000-8000-000000000002', decision: 'allow', by: 'person' }
  const server = await scriptedServer({
    'GET /api/projects': (response) => json(response, 200, { projects: [{ id: 'web' }] }),
    'POST /api/runs': (response) => json(response, 201, { run: record }),
    [`POST /api/runs/${record.id}/approvals/q1`]: (response) => {
      json(response, 200, { approval })
      answered.resolve()
    },
    [`GET /api/runs/${record.id}/events`]: async (response) => {
      openStream(response)
      response.write(log.logOf(begun).map(frame).join(''))
      await answered.promise
      const rest = log.logOf([...begun, log.resolved('q1'), log.ended('completed')]).slice(begun.length)
      response.end(rest.map(frame).join(''))
    },
  })
  server.writeCard(where.dataDir)
  const child = spawn('script', ['-qec', `${process.execPath} ${bin} ask Go`, '/dev/null'], {
    cwd: where.cwd,
    env: { ...where.env, TERM: 'xterm', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let screen = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text.replace(/\u001b\[\d+m/g, '').replaceAll('\r', '')
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  await vi.waitFor(() => expect(screen).toContain('allow? [y/N, a: always in this run] '), {
    timeout: 60_000,
  })
  // An answer typed too early to be meant does not count: the question is asked again.
  const typing = setInterval(() => child.stdin.write('y\n'), 200)
  await answered.promise
  clearInterval(typing)
  expect(await ended).toBe(0)
  expect(server.seen.filter(({ path }) => path.endsWith('/q1')).map(({ body }) => body)).toEqual([
    { decision: 'allow' },
  ])
  expect(screen).toContain(
    'I need \nHm\n? asks to run: Bash\n  eval "$X"\n  Why.\n  allow? [y/N, a: always in this run] ',
  )
  expect(screen).toMatch(/✓ allowed by ann: Bash eval "\$X"\n-- completed\n$/)
})
