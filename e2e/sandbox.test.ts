import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { scratchFolder } from '@millrace/test-support/folders'
import { followToEnd, startJob } from '@millrace/test-support/jobs'
import { processesWith } from '@millrace/test-support/processes'
import { post, type ServerProcess, startServer } from '@millrace/test-support/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const scratch = scratchFolder()
const canary = `canary-${randomUUID()}`
const place = (name: string) => join(scratch.path, name)
const [web, bare, dataDir, home, elsewhere] = [
  place('web'),
  place('bare'),
  place('data'),
  place('home'),
  place('elsewhere'),
]

let server: ServerProcess
let listener: Server
let port = 0
let visitors = 0

beforeAll(async () => {
  for (const folder of [web, bare, dataDir, home, elsewhere]) mkdirSync(folder)
  execFileSync('git', ['init', '--quiet', web])
  mkdirSync(join(web, '.claude'))
  writeFileSync(join(web, '.claude/settings.json'), '{"mine":true}')
  writeFileSync(join(home, 'secret'), canary)
  writeFileSync(join(elsewhere, 'theirs'), canary)
  listener = createServer((socket) => {
    visitors += 1
    socket.end()
  }).listen(0, '127.0.0.1')
  await new Promise((listening) => listener.once('listening', listening))
  port = (listener.address() as { port: number }).port
  const bash = (network: boolean) => ({
    command: ['bash', '-c', '{script}'],
    args: { script: { required: true } },
    network,
    timeoutSeconds: 60,
  })
  server = await startServer({
    cwd: scratch.path,
    dataDir,
    env: {
      HOME: home,
      MILLRACE_TOKEN: `${canary}-token`,
      ANTHROPIC_API_KEY: `${canary}-key`,
      OTHER: `${canary}-other`,
    },
    config: {
      projects: { web: { path: web }, bare: { path: bare } },
      tools: { shell: bash(false), online: bash(true) },
      limits: { startsPerMinute: 10_000 },
    },
  })
})
afterAll(async () => {
  await server.end()
  listener.close()
  scratch.dispose()
})

/** Runs a script as a job and returns its output. `mayBeEnded`: the server may end the job for what it does. */
async function job(
  script: string,
  { tool = 'shell', project = 'web', mayBeEnded = false } = {},
): Promise<string> {
  const body = { kind: 'job', project, tool, args: { script: `exec 2>&1\n${script}\necho; echo the end` } }
  const response = await server.call('/api/runs', post(body))
  expect(response.status).toBe(201)
  const { run } = (await response.json()) as { run: { id: string } }
  const { lines, events } = await followToEnd(server, run.id)
  expect(events.at(-1)).toMatchObject({ type: 'complete' })
  if (!mayBeEnded) expect(lines.at(-1)).toBe('the end')
  return lines.join('\n')
}

describe('a job in the default sandbox', () => {
  it('a job runs inside a boundary', async () => {
    expect(await server.json('/api/server')).toMatchObject({ sandbox: { boundary: 'bubblewrap' } })
  })

  it('a job cannot read the environment of the server, in any process', async () => {
    const said = await job("env; cat /proc/[0-9]*/environ | tr '\\0' '\\n'; cat /proc/[0-9]*/cmdline")
    expect(said).toContain('MILLRACE_RUN')
    expect(said).not.toContain(canary)
    expect(said).not.toContain('ANTHROPIC_API_KEY')
  })

  it('a job cannot read the data directory', async () => {
    const names = readdirSync(dataDir)
    expect(names).toContain('server.json')
    const said = await job(
      `for root in "" /proc/1/root /proc/self/root ../..; do
         ls -A $root${dataDir}; cat $root${dataDir}/*; cat $root${dataDir}/server.json
       done
       cat ../data/server.json; cp -r ../data stolen`,
    )
    expect(said).not.toContain(server.token)
    for (const name of names) expect(said.split('\n')).not.toContain(name)
    expect(existsSync(join(web, 'stolen/server.json'))).toBe(false)
  })

  it('a job cannot read the home of the server’s user, nor what lies beside its project', async () => {
    const said = await job(
      `echo "its home is $HOME"
       cat ${home}/secret; ls -A ${home}; ls -A ~; ls -A /root
       cat ${elsewhere}/theirs; cat ../elsewhere/theirs; cat ../bare/*; ls ..
       ln -s ${elsewhere}/theirs link; cat link; rm link`,
    )
    expect(said).not.toContain(canary)
    expect(said).not.toContain(`its home is ${home}`)
  })

  it('a job cannot reach the network, unless its tool may', async () => {
    const knock = `(exec 3<>/dev/tcp/127.0.0.1/${port}) && echo reached`
    const own = new URL(server.url).port
    const said = await job(`${knock}; (exec 3<>/dev/tcp/127.0.0.1/${own}) && echo reached`)
    expect(said).not.toMatch(/^reached/m)
    expect(visitors).toBe(0)
    expect(await job(knock, { tool: 'online' })).toMatch(/^reached/m)
    expect(visitors).toBe(1)
  })

  it('a job cannot write outside its project', async () => {
    const name = `escape-${randomUUID()}`
    await job(
      `echo inside > here
       for folder in / /tmp /usr /usr/bin /etc /var/tmp /root /home /opt /dev/shm /run ${home} ${elsewhere} ${bare} ${dataDir} ..; do
         echo out > $folder/${name}
       done
       echo more >> ${elsewhere}/theirs; ln -s ${elsewhere} out; echo out > out/${name}; rm out`,
    )
    expect(readFileSync(join(web, 'here'), 'utf8')).toBe('inside\n')
    const folders = '/ /tmp /usr /usr/bin /etc /var/tmp /root /home /opt /dev/shm /run'.split(' ')
    for (const folder of [...folders, home, elsewhere, bare, dataDir, scratch.path]) {
      expect(existsSync(join(folder, name))).toBe(false)
    }
    expect(readFileSync(join(elsewhere, 'theirs'), 'utf8')).toBe(canary)
  })

  it('a job leaves no daemon behind', async () => {
    const mark = `daemon-${randomUUID()}`
    await job(
      `(setsid nohup bash -c "exec -a ${mark} sleep 600" </dev/null >/dev/null 2>&1 &)
       setsid bash -c "trap '' HUP TERM; (exec -a ${mark} sleep 601) & wait" &
       while ! grep -qs ${mark} /proc/[0-9]*/cmdline; do sleep 0.05; done`,
    )
    expect(processesWith(mark)).toEqual([])
  })
})

/** Everything that some program outside the sandbox would take for code or settings. */
const plants = [
  'millrace.config.ts',
  'millrace.config.js',
  'millrace.config.json',
  '.git/hooks/pre-commit',
  '.git/hooks/post-checkout',
  '.git/config',
  '.git/config.worktree',
  '.git/commondir',
  '.claude/settings.json',
  '.claude/settings.local.json',
  '.claude/hooks/evil.sh',
  '.mcp.json',
]

const planting = `
plant() { echo "#!/bin/sh
echo ${canary}" > "$1" && chmod +x "$1"; }
for path in ${plants.join(' ')}; do
  mkdir -p "$(dirname $path)"; plant $path
  rm -rf $path; plant $path
  echo x > beside; chmod +x beside; mv -f beside $path; ln -f beside $path; ln -sf beside $path
  mv $path away; plant $path
done
for folder in .git .git/hooks .claude; do
  mv $folder $folder.old; rm -rf $folder; mkdir -p $folder/hooks; plant $folder/hooks/pre-commit; plant $folder/config
done
git config core.fsmonitor ./beside; git config --local core.hooksPath .; git init .; git init --separate-git-dir=sep .
umount $PWD/.git/config; mount -t tmpfs tmp .git/hooks; chmod -R 777 .git .claude; chmod 777 .`

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
}

describe('what a job cannot plant for later', () => {
  it('a job cannot plant files of a repository, an agent, or this server where they exist', async () => {
    const read = (path: string) => readFileSync(join(web, path), 'utf8')
    const before = { config: read('.git/config'), hooks: readdirSync(join(web, '.git/hooks')).sort() }
    await job(planting, { mayBeEnded: true })
    expect(read('.git/config')).toBe(before.config)
    expect(readdirSync(join(web, '.git/hooks')).sort()).toEqual(before.hooks)
    expect(read('.claude/settings.json')).toBe('{"mine":true}')
    expect(readdirSync(join(web, '.claude'))).toEqual(['settings.json'])
    for (const path of plants) {
      if (existsSync(join(web, path))) expect(read(path)).not.toContain(canary)
    }
    for (const path of ['.mcp.json', ...plants.slice(0, 3)]) expect(existsSync(join(web, path))).toBe(false)
  })

  it('a job cannot plant them where nothing exists yet', async () => {
    await job(planting, { project: 'bare', mayBeEnded: true })
    for (const path of plants.filter((path) => !path.startsWith('.git/')))
      expect([path, existsSync(join(bare, path))]).toEqual([path, false])
    expect(existsSync(join(bare, '.claude'))).toBe(false)
    // A job may make a repository. It is ended here, sometimes right after it has made one, or a part of one.
    for (const file of filesBelow(join(bare, '.git'))) {
      expect([file, readFileSync(file, 'utf8').includes(canary)]).toEqual([file, false])
    }
  })

  it.each(['web', 'bare'])(
    'a job cannot plant a repository that git finds when .git is spoilt, in %s',
    async (project) => {
      const [root, proof] = [place(project), place(`${project}-fsmonitor`)]
      await job(
        `rm -rf .git/* .git; mkdir -p objects refs; echo 'ref: refs/heads/main' > HEAD
       printf '[core]\nrepositoryformatversion = 0\nbare = false\nworktree = ${root}\nfsmonitor = "touch ${proof}; false"\n' > config
       git status`,
        { project, mayBeEnded: true },
      )
      spawnSync('git', ['-C', root, 'status'], { stdio: 'ignore' })
      expect(existsSync(proof)).toBe(false)
    },
  )

  it('a job that makes links in circles, or shuts its project, does not end the server', async () => {
    await job(
      'ln -s refs refs; ln -s objects objects; ln -s HEAD HEAD; sleep 0.5; rm -rf refs objects HEAD',
      {
        project: 'bare',
      },
    )
    await job(`echo {} > .mcp.json; chmod 000 .; sleep 0.5; chmod 755 ${bare}`, { project: 'bare' })
    expect(existsSync(join(bare, '.mcp.json'))).toBe(false)
    expect((await server.call('/healthz')).status).toBe(200)
  })

  it('a job that tries to plant something is reported in the log of its run', async () => {
    const body = {
      kind: 'job',
      project: 'bare',
      tool: 'shell',
      args: { script: 'echo {} > .mcp.json; sleep 1' },
    }
    const { run } = (await (await server.call('/api/runs', post(body))).json()) as { run: { id: string } }
    const { events } = await followToEnd(server, run.id)
    const [taken] = events.filter(({ type }) => type === 'sandbox:quarantined').map(({ data }) => data)
    expect(taken).toMatchObject({ path: '.mcp.json', message: expect.stringContaining('move it back from') })
    expect(readFileSync((taken as { keptAt: string }).keptAt, 'utf8')).toBe('{}\n')
  })

  it('a job cannot plant a configuration that a server started in the project would execute', async () => {
    const project = place('zero')
    const proof = place('executed')
    const data = [place('zero-data'), place('zero-data-2')]
    for (const folder of [project, ...data]) mkdirSync(folder)
    const module = `import { writeFileSync } from "node:fs"; writeFileSync("${proof}", ""); export default {}`
    writeFileSync(
      join(project, 'plant.sh'),
      `for name in millrace.config.ts millrace.config.js; do
         echo '${module}' > $name; rm -f $name; echo '${module}' > new; mv -f new $name; ln -f new $name
       done
       (while :; do echo '${module}' > millrace.config.ts; done 2>/dev/null &)
       echo '{"projects":{}}' > millrace.config.json
       sleep 30; echo planted`,
    )
    const manifest = { name: 'zero', scripts: { plant: 'bash plant.sh', waits: 'echo up; sleep 600' } }
    writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))

    const [dataA = '', dataB = ''] = data
    const first = await startServer({ cwd: project, dataDir: dataA })
    const planted = await followToEnd(first, await startJob(first, 'npm:plant', 'zero'))
    expect(planted.events.at(-1)?.data).toMatchObject({ success: false, limit: 'protected' })
    // A second server, while a run of the first is active in the project.
    await startJob(first, 'npm:waits', 'zero')
    const second = await startServer({ cwd: project, dataDir: dataB })
    await first.end()
    const again = await startServer({ cwd: project, dataDir: dataA })
    for (const server of [second, again]) {
      const { tools } = await server.json<{ tools: { id: string }[] }>('/api/tools')
      expect(tools.map(({ id }) => id).sort()).toEqual(['npm:plant', 'npm:waits'])
      await server.end()
    }
    expect(existsSync(proof)).toBe(false)
    expect(readdirSync(project).filter((name) => name.startsWith('millrace.config'))).toEqual([])
  })
})
