/** Pastes what README.md tells a newcomer to paste. */
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMillrace } from '@millrace/server'
import { scratchFolder } from '@millrace/test-support/folders'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```(\S+) (\S+)\n([\s\S]*?)^```$/gm)].map(([, language, mark, text]) => ({
  language,
  mark,
  text: text ?? '',
}))

/** Ends what hangs, with what was printed until then. A machine with other work needs minutes for a start without caches. */
const waitMs = 300_000
vi.setConfig({ testTimeout: 2 * waitMs })

/** The named code block of the README. */
function block(mark: string): string {
  const found = blocks.find((candidate) => candidate.mark === mark)
  if (found === undefined) throw new Error(`README.md has no block ${mark}`)
  return found.text
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

interface Shell {
  /** Types a block in; resolves with what it has printed when it is done. */
  paste(text: string): Promise<string>
  /** Types it in; resolves when it has printed this, and leaves it running. */
  pasteUntil(text: string, printed: string): Promise<void>
  close(): Promise<void>
}

function openShell(cwd: string, env: NodeJS.ProcessEnv): Shell {
  const child: ChildProcess = spawn('bash', [], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let output = ''
  let tell = () => {}
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      tell()
    })
  }
  const until = (printed: string) =>
    new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not printed: ${printed}\n${output}`)), waitMs)
      tell = () => {
        if (!output.includes(printed)) return
        clearTimeout(late)
        resolve(output)
      }
      tell()
    })
  let pasted = 0
  return {
    async paste(text) {
      const mark = `pasted-${++pasted}-done`
      output = ''
      // In two halves, so that it is not found in an echo of the command itself.
      child.stdin?.write(`${text}\nprintf '%s%s\\n' pasted-${pasted} -done\n`)
      return (await until(mark)).replace(mark, '')
    },
    async pasteUntil(text, printed) {
      output = ''
      child.stdin?.write(`${text}\n`)
      await until(printed)
    },
    async close() {
      child.stdin?.end()
      await exited
    },
  }
}

const copy = scratchFolder('millrace-readme-')
const [checkout, home, place] = ['checkout', 'home', 'tour'].map((name) => join(copy.path, name)) as [
  string,
  string,
  string,
]
let port = 0

/** The commands with another port and another place for their files: several suites may run at once. */
const here = (text: string) => text.replaceAll(':4000', `:${port}`).replaceAll('/tmp/millrace-tour', place)

/** A checkout: the files of the sample project, and the packages where npm would have put them. */
beforeAll(async () => {
  port = await freePort()
  mkdirSync(home)
  const sample = join('examples', 'sample-project')
  for (const entry of readdirSync(join(root, sample), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(root.length)
    if (!entry.isFile() || path.includes('/dist/')) continue
    mkdirSync(dirname(join(checkout, path)), { recursive: true })
    copyFileSync(join(root, path), join(checkout, path))
  }
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
  symlinkSync(join(root, 'packages'), join(checkout, 'packages'))
  symlinkSync(join(root, 'scripts'), join(checkout, 'scripts'))
  copyFileSync(join(root, 'package.json'), join(checkout, 'package.json'))
})
afterAll(() => copy.dispose())

function environment(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const server = { MILLRACE_PORT: String(port), MILLRACE_HOST: '127.0.0.1' }
  // A new home has no compiled code, and each of a dozen starts would compile it all.
  return { PATH, HOME: home, ...server, ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }) }
}

function serverPid(dataDir: string): number {
  return JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')).pid
}

async function ended(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('npm start serves this folder and prints an address that logs a browser in', async () => {
  const shell = openShell(checkout, environment())
  await shell.pasteUntil('MILLRACE_DATA=$HOME/start npm start &', 'Log in (once, within 10 minutes): http')
  const pid = serverPid(join(home, 'start'))
  const text = await shell.paste('grep -o . /dev/null; curl -s http://127.0.0.1:$MILLRACE_PORT/healthz')
  expect(text).toContain('"status":"ok"')
  process.kill(pid, 'SIGTERM')
  await ended(pid)
  await shell.close()
})

test('the five minutes work as pasted, kill -9 included', async () => {
  const tour = blocks.filter(({ mark }) => mark?.startsWith('terminal='))
  expect(tour.map(({ mark }) => mark?.slice(9))).toEqual(['both', '1', '2', '2', '2', '1', '2', '1', '2'])
  const [both, zero, cli, agent, curl, configured, killing, again, whole] = tour.map(({ text }) => here(text))
  const one = openShell(checkout, environment())
  const two = openShell(checkout, environment())
  onTestFinished(async () => {
    const pid = serverPid(place)
    process.kill(pid, 'SIGTERM')
    await ended(pid)
    await Promise.all([one.close(), two.close()])
  })
  await one.paste(both ?? '')
  await two.paste(both ?? '')
  await one.pasteUntil(zero ?? '', '"listening"')

  const ran = await two.paste(cli ?? '')
  expect(ran).toContain('8 entries on 4 days')
  expect(ran).toContain('exit code 1')
  expect(ran).toMatch(/\bok\s+npm:report\s+sample-project/)

  const asked = await two.paste(agent ?? '')
  expect(asked).toContain('scripted demo model')
  expect(asked).toMatch(/All tests pass\. .*now writes exactly one hour/)

  const streamed = await two.paste(curl ?? '')
  const ids = [...streamed.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
  const all = ids.slice(0, ids.lastIndexOf(5))
  expect(all).toEqual(all.map((_, index) => index + 1))
  expect(ids.slice(all.length)).toEqual(all.slice(4))
  expect(streamed.match(/event: complete/g)).toHaveLength(2)

  // Ctrl-C.
  const first = serverPid(place)
  process.kill(first, 'SIGINT')
  await ended(first)
  await one.pasteUntil(configured ?? '', '"listening"')
  const before = await two.paste(killing ?? '')
  await one.pasteUntil(again ?? '', '"listening"')
  const after = await two.paste(whole ?? '')
  // What was shown before the kill is there after it, and so is the end.
  expect(before).toContain('[1/3] duration.js')
  expect(after).toContain('"line":"[1/3] duration.js"')
  expect(after).toMatch(/event: error\ndata: .*"state":"interrupted"/)
})

test('the configuration in the README is a valid one', async () => {
  const folder = scratchFolder()
  onTestFinished(() => folder.dispose())
  mkdirSync(join(folder.path, 'web'))
  mkdirSync(join(folder.path, 'server'))
  const file = join(folder.path, 'server', 'millrace.config.ts')
  writeFileSync(file, block('config'))
  symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'))
  const { default: config } = await import(file)
  const millrace = createMillrace(
    { ...config, sandbox: { mode: 'off' } },
    { cwd: join(folder.path, 'server'), dataDir: join(folder.path, 'data') },
  )
  await millrace.start()
  await millrace.stop()
})

test('the embedding snippet serves runs below its mount path', async () => {
  const folder = scratchFolder()
  onTestFinished(() => folder.dispose())
  for (const name of ['web', 'app']) mkdirSync(join(folder.path, name))
  symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'))
  const listening = await freePort()
  // "Running" is for us: the snippet itself prints nothing.
  const script = `${block('embed').replace('3000', String(listening))}\nserver.once('listening', () => console.log('running'))\n`
  writeFileSync(join(folder.path, 'app', 'main.ts'), script)
  const shell = openShell(join(folder.path, 'app'), { ...environment(), LOG_LEVEL: 'silent' })
  await shell.pasteUntil('node main.ts & echo "pid $!"', 'running')
  const url = `http://127.0.0.1:${listening}/millrace/api/tools`
  const answer = await (await fetch(url, { headers: { 'x-user': 'ada' } })).json()
  expect(answer).toMatchObject({ tools: [{ id: 'test' }] })
  const text = await shell.paste('kill %1; wait %1; echo "ended with $?"')
  expect(text).toContain('ended with 0')
  await shell.close()
})

test('every command that the README names exists', async () => {
  const shell = openShell(checkout, environment())
  const help = await shell.paste('npx millrace --help')
  await shell.close()
  const named = [...readme.matchAll(/npx millrace ([a-z]+)/g)].map(([, name]) => name)
  const known = [...help.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name)
  expect(known).toEqual(expect.arrayContaining([...new Set(named)]))
})
