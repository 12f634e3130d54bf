import { execFile, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isRoot, ordinaryUser, textOf, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { carriersOf } from '#processes/processes'
import type { Sandbox } from '#sandbox'

const standInServer = fileURLToPath(new URL('support/stand-in-server.ts', import.meta.url))
const workspace = new Workspace()
const mine = workspace.project('mine')
const theirs = workspace.project('theirs', 'somebody')
let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await workspace.open([mine, theirs])
})
afterAll(() => workspace.close())

describe.each([
  ['a project of the server’s own user', mine],
  ['a project of somebody else', theirs],
])('in %s', (_name, project) => {
  const sh = (script: string, options = {}) => workspace.sh(sandbox, project, script, options)

  it('a job runs in its project and may write there', async () => {
    const ran = await sh('pwd; echo written > file; id -u; exit 3')
    const uid = isRoot && project === theirs ? ordinaryUser.uid : (process.getuid?.() ?? 0)
    expect(ran).toEqual({ stdout: `${project}\n${uid}\n`, stderr: '', exit: { code: 3, signal: null } })
    expect(readFileSync(join(project, 'file'), 'utf8')).toBe('written\n')
  })

  it('a job has the allow-listed environment and no other', async () => {
    const { stdout } = await sh('cat /proc/self/environ | tr "\\0" "\\n" | cut -d= -f1 | sort', {
      env: { TOOL: 'yes', LANG: 'C.UTF-8' },
    })
    expect(stdout.trim().split('\n')).toEqual([
      'HOME',
      'LANG',
      'MILLRACE_RUN_ID',
      'PATH',
      'PWD',
      'TMPDIR',
      'TOOL',
    ])
  })

  it('a job finds no environment of the server in any process it sees', async () => {
    const args = {
      mode: 'required',
      dataDir: workspace.dataDir,
      project,
      script: 'cat /proc/*/environ; env; ls -d /proc/[0-9]*',
    }
    const { stdout } = await promisify(execFile)(process.execPath, [standInServer, JSON.stringify(args)], {
      env: { ...process.env, MILLRACE_CANARY: 'canary-5f1c', ANTHROPIC_API_KEY: 'canary-key' },
    })
    expect(stdout).toContain('/proc/1\n')
    expect(stdout).toContain('MILLRACE_RUN_ID=')
    expect(stdout).not.toContain('canary')
  })

  it('a job cannot read the data directory, also where it knows the path', async () => {
    writeFileSync(join(workspace.dataDir, 'server.json'), 'secret-token', { mode: 0o644 })
    const { stdout, exit } = await sh(`cat ${workspace.dataDir}/server.json; ls -a ${workspace.dataDir}`)
    expect(stdout).toBe('')
    expect(exit.code).not.toBe(0)
  })

  it('a job sees nothing of home, and has an empty home of its own', async () => {
    const { stdout } = await sh(`ls -A ${homedir()} 2>/dev/null; cd && pwd && ls -A && touch x && echo mine`)
    expect(stdout).toBe('/home/run\nmine\n')
  })

  it('a home does not outlive its run', async () => {
    await sh('echo token > ~/.credentials; echo x > /tmp/left; echo y > /dev/shm/left')
    // By name: what the toolchain is mounted on may lie in /tmp as well, when the repository does.
    const { stdout } = await sh('ls -A ~; ls /tmp/left /dev/shm/left 2>/dev/null')
    expect(stdout).toBe('')
  })

  it('a job sees neither the passwords nor the private keys of the machine', async () => {
    const { stdout } = await sh(
      'ls /etc/shadow /etc/ssl/private /etc/ssh 2>/dev/null; cut -d: -f1 /etc/passwd',
    )
    expect(stdout.trim().split('\n')).toEqual([isRoot && project === mine ? 'root' : 'run', 'nobody'])
  })

  it('a job cannot write outside its project', async () => {
    const open = join(workspace.root, 'open')
    mkdirSync(open, { recursive: true })
    chmodSync(open, 0o777)
    const targets = [
      open,
      workspace.root,
      homedir(),
      '/usr',
      '/usr/bin',
      '/etc',
      '/',
      '/dev',
      '/var/tmp',
      '/home',
      '/opt',
    ]
    const { stdout } = await sh(
      `for d in ${targets.join(' ')}; do (echo x > $d/escape-${process.pid}) 2>/dev/null && echo wrote $d; done; true`,
    )
    expect(stdout).toBe('')
    for (const target of targets) expect(existsSync(join(target, `escape-${process.pid}`))).toBe(false)
  })

  it('a job cannot write through a link in its project that leads out of it', async () => {
    const target = join(workspace.root, 'target')
    writeFileSync(target, 'before', { mode: 0o666 })
    const { stdout } = await sh(
      `ln -sf ${target} link && (echo after > link) 2>/dev/null && echo wrote; rm link`,
    )
    expect(stdout).toBe('')
    expect(readFileSync(target, 'utf8')).toBe('before')
  })

  it('a job cannot change a setting of the kernel', async () => {
    const { stdout } = await sh(
      [
        'for f in /proc/sys/kernel/* /proc/sys/vm/* /proc/sys/fs/* /proc/*; do',
        '  [ -f "$f" ] && (exec 3<>"$f") 2>/dev/null && echo "$f"; done; true',
      ].join('\n'),
    )
    expect(stdout).toBe('')
  })

  it('a job has no capability, gains none, and makes no user namespace', async () => {
    const { stdout } = await sh(
      'grep -E "Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs" /proc/self/status | cut -f2; unshare --user true 2>/dev/null && echo made',
    )
    expect(stdout.trim().split('\n')).toEqual(['0', '0', '0', '0'].map(() => '0000000000000000').concat('1'))
  })

  it('a tool that brings a sandbox of its own may make a user namespace', async () => {
    const { stdout } = await sh('unshare --user true && echo made', { allowNestedSandbox: true })
    expect(stdout).toBe('made\n')
  })

  it('a job can neither undo its mounts nor make new ones', async () => {
    const { stdout } = await sh(
      `umount ${project}/.claude 2>/dev/null && echo undone; mount -t tmpfs x /tmp 2>/dev/null && echo made; true`,
    )
    expect(stdout).toBe('')
  })

  it('a job cannot leave a daemon behind', async () => {
    const runId = crypto.randomUUID()
    const { stdout } = await sh(
      '(setsid nohup sh -c "(sleep 300 &) ; sleep 300" >/dev/null 2>&1 &); (trap "" HUP TERM; sleep 300 &); env -i setsid sleep 300 & echo left',
      { runId },
    )
    expect(stdout).toBe('left\n')
    expect(carriersOf(new Set([runId]))).toEqual([])
  })

  it('a daemon that holds the output open does not hold the run', async () => {
    const { stdout, exit } = await sh('setsid sleep 300 & echo done')
    expect({ stdout, exit }).toEqual({ stdout: 'done\n', exit: { code: 0, signal: null } })
  })

  it('a job gets the loader variables of its tool, and what stands before the boundary does not', async () => {
    // Outside, this would run a file of the project with the rights of the server.
    writeFileSync(join(project, 'evil.so'), 'not a library')
    const { stdout, stderr } = await sh('echo $LD_PRELOAD; cat /proc/1/environ', {
      env: { LD_PRELOAD: `${project}/evil.so` },
    })
    expect(stdout.split('\n')[0]).toBe(`${project}/evil.so`)
    expect(stdout.split('\n')[1]).not.toContain('LD_PRELOAD')
    expect(stderr).not.toContain('bwrap:')
  })

  it('node and npm are there', async () => {
    const { stdout, stderr, exit } = await sh('node --version && npm --version')
    expect({ stderr, exit }).toEqual({ stderr: '', exit: { code: 0, signal: null } })
    expect(stdout.split('\n')[0]).toBe(process.version)
  })

  describe('the network', () => {
    let server: Server
    let port = 0
    beforeAll(async () => {
      server = createServer((socket) => socket.end('hello'))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      if (address !== null && typeof address === 'object') port = address.port
    })
    afterAll(() => void server.close())
    const connect = () =>
      `node -e "require('net').connect(${port},'127.0.0.1').on('data',d=>console.log(String(d))).on('error',e=>console.log(e.code))"`

    it('cannot be reached, not even the machine itself', async () => {
      expect((await sh(connect())).stdout).toBe('ECONNREFUSED\n')
    })

    it('can be reached by a tool that asks for it', async () => {
      expect((await sh(connect(), { network: true })).stdout).toBe('hello\n')
    })
  })
})

describe('a server that was started with open descriptors', () => {
  it.each(['required', 'off'])('hands none of them on (%s)', async (mode) => {
    writeFileSync(join(workspace.dataDir, 'server.json'), 'secret-token')
    const secret = openSync(join(workspace.dataDir, 'server.json'), 'r')
    const directory = openSync('/', 'r')
    const args = {
      mode,
      dataDir: workspace.dataDir,
      project: mine,
      script: 'cat /proc/self/fd/40; ls /proc/self/fd/45/; ls -l /proc/self/fd',
    }
    const stdio = new Array<'ignore' | 'pipe' | number>(46).fill('ignore')
    stdio[1] = 'pipe'
    stdio[40] = secret
    stdio[45] = directory
    const server = spawn(process.execPath, [standInServer, JSON.stringify(args)], { stdio })
    const stdout = server.stdout === null ? '' : await textOf(server.stdout)
    closeSync(secret)
    closeSync(directory)
    expect(stdout).toContain('40 -> /dev/null')
    expect(stdout).toContain('45 -> /dev/null')
    expect(stdout).not.toMatch(/secret-token|usr/)
  })
})

describe('what else is shown', () => {
  it('the paths of sandbox.read can be read and not written', async () => {
    const extra = workspace.project('extra')
    writeFileSync(join(extra, 'tool'), 'content')
    const reading = await workspace.open([mine], { readPaths: [extra] })
    const { stdout } = await workspace.sh(
      reading,
      mine,
      `cat ${extra}/tool; (echo x > ${extra}/new) 2>/dev/null || echo ' kept'`,
    )
    expect(stdout).toBe('content kept\n')
  })

  it('a data directory inside a project is hidden and cannot be replaced', async () => {
    const project = workspace.project('with-data')
    const dataDir = join(project, 'var', 'data')
    mkdirSync(dataDir, { recursive: true })
    writeFileSync(join(dataDir, 'secret'), 'secret')
    const inside = await workspace.open([project], { dataDir })
    const { stdout } = await workspace.sh(
      inside,
      project,
      'ls -A var/data; for f in var/data/x; do (echo x > $f) 2>/dev/null && echo wrote; done; mv var away 2>/dev/null && echo moved; mv var/data var/away 2>/dev/null && echo moved; ls -A',
    )
    expect(stdout.split('\n')).toContain('var')
    expect(stdout).not.toMatch(/secret|wrote|moved/)
    await inside.close()
    expect(existsSync(join(dataDir, 'secret'))).toBe(true)
  })

  it('a data directory below a readable path is hidden', async () => {
    const reading = await workspace.open([mine], { readPaths: [workspace.root] })
    const { stdout } = await workspace.sh(
      reading,
      mine,
      `ls -A ${workspace.dataDir}; ls ${workspace.root} | grep -c mine`,
    )
    expect(stdout).toBe('1\n')
  })

  it('a link to the data directory leads nowhere', async () => {
    symlinkSync(workspace.dataDir, join(mine, 'link-to-data'))
    const { stdout } = await workspace.sh(
      sandbox,
      mine,
      'ls -A link-to-data/ 2>/dev/null; cat link-to-data/server.json 2>/dev/null; true',
    )
    expect(stdout).toBe('')
    expect(realpathSync(join(mine, 'link-to-data'))).toBe(workspace.dataDir)
  })
})
