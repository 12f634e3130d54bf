import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Place, place, runProgram, startScript } from './child.ts'
import { listen } from './listen.ts'

const script = fileURLToPath(new URL('./serve-child.ts', import.meta.url))

function serving(where: Place, env: NodeJS.ProcessEnv = {}) {
  return startScript(script, [], where, env)
}

describe('millrace serve', () => {
  it('serve prints its address on the first line of stdout, and the login address on stderr', async () => {
    const running = serving(place())
    await running.says('\n')
    running.process.kill('SIGTERM')
    const { stdout, stderr, code } = await running.ended
    const { url, ...first } = JSON.parse(stdout.split('\n')[0] ?? '')
    expect(first).toEqual({ event: 'listening', pid: running.process.pid })
    expect(stderr).toContain(`${url}/login?code=once\n`)
    expect(code).toBe(0)
  })

  it('serve prints the public address, and --open opens it or says why not', async () => {
    const env = { PUBLIC_URL: 'https://a.example/mill', NO_BROWSER: 'there is no screen here' }
    const running = startScript(script, ['--open'], place(), env)
    await running.says('open the address above', 'stderr')
    running.process.kill('SIGTERM')
    const { stdout, stderr } = await running.ended
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({ publicUrl: 'https://a.example/mill' })
    expect(stderr).toContain('https://a.example/mill/login?code=once\n')
    expect(stdout).toContain('opening https://a.example/mill/login?code=once\n')
    expect(stderr).toContain('no browser was opened (there is no screen here): open the address above')
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'serve stops in order on %s, received twice or once',
    async (signal) => {
      const running = serving(place(), { SLOW_STOP: '200' })
      await running.says('listening')
      running.process.kill(signal)
      await running.says(`stopping: ${signal}`)
      running.process.kill(signal)
      const { stdout, code } = await running.ended
      expect(code).toBe(0)
      expect(stdout.match(/stopping/g)).toHaveLength(1)
    },
  )

  it('serve exits at once on a second signal more than a second later', async () => {
    const running = serving(place(), { SLOW_STOP: '60000' })
    await running.says('listening')
    running.process.kill('SIGTERM')
    await running.says('stopping')
    await new Promise((later) => setTimeout(later, 1100))
    running.process.kill('SIGINT')
    expect(await running.ended).toMatchObject({ code: 130 })
  })

  it('serve does not wait forever for a stop that hangs', async () => {
    const running = serving(place(), { STOP_MS: '100' })
    await running.says('listening')
    running.process.kill('SIGTERM')
    const { code, stderr } = await running.ended
    expect(stderr).toContain('not stopped after 0.1 s')
    expect(code).not.toBe(0)
  })

  it('serve stops on a signal that arrived while it was opening', async () => {
    const running = serving(place(), { OPENING: '400' })
    await running.says('opening')
    running.process.kill('SIGTERM')
    const { code, stdout } = await running.ended
    expect(code).toBe(0)
    expect(stdout).toContain('stopping: SIGTERM')
  })

  it('serve exits with a failure when the store fails', async () => {
    const running = serving(place())
    await running.says('\n')
    const [line = ''] = running.text()
    await fetch(`${JSON.parse(line).url}/fatal`).catch(() => undefined)
    const { code, stderr } = await running.ended
    expect(code).toBe(1)
    expect(stderr).toContain('the disk lied')
  })

  it.each([
    ['a promise that never settles', 'await new Promise(() => undefined); export default {}'],
    ['a default export that never settles', 'export default new Promise(() => undefined)'],
  ])('serve says so and ends with 78 when the configuration waits for %s', async (_what, code) => {
    const ended = await runProgram(['serve'], place({ 'millrace.config.ts': code }))
    expect(ended).toMatchObject({ code: 78, stdout: '' })
    expect(ended.stderr).toContain('a promise in it never settles')
  })

  it('serve never starts with a wrong configuration: every problem at once, exit code 78', async () => {
    const where = place({ 'millrace.config.json': { projects: { a: { path: 'gone' } }, limit: {} } })
    const ended = await runProgram(['serve', '--port', 'x'], where, { MILLRACE_TOKEN: 'has blanks' })
    expect(ended).toMatchObject({ code: 78, stdout: '' })
    expect(ended.stderr).toMatch(/^millrace: The configuration is not valid: 4 problems in .*\n {2}limit: /)
    for (const key of ['projects.a.path', '--port', 'MILLRACE_TOKEN'])
      expect(ended.stderr).toContain(`  ${key}: `)
  })

  it('serve shows where a configuration does not compile', async () => {
    const where = place({
      'millrace.config.ts': 'const a: string = "x"\nexport default {\n  projects: ],\n}\n',
    })
    const ended = await runProgram(['serve'], where)
    expect(ended.code).toBe(78)
    expect(ended.stderr).toMatch(/millrace\.config\.ts(:3)?: expected a module that can be loaded/)
  })

  it('serve loads a configuration in TypeScript', async () => {
    const where = place({
      'millrace.config.ts': 'const path: string = "."\nexport default { projects: { fromTs: { path } } }\n',
    })
    const running = serving(where)
    await running.says('listening')
    running.process.kill('SIGTERM')
    expect((await running.ended).stderr).toContain('fromTs')
  })

  it('serve reports a port in use in one line', async () => {
    const other = createServer()
    const url = await listen(other)
    onTestFinished(() => void other.close())
    const ended = await runProgram(['serve', '--port', new URL(url).port], place())
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(
      /millrace: 127\.0\.0\.1:\d+ is in use by another program; choose another port/,
    )
  })
})
