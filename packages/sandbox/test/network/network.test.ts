import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { isRoot, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkAccess } from '#network/access'
import type { Sandbox } from '#sandbox'

const workspace = new Workspace()
const project = workspace.project('project')
const theirs = workspace.project('theirs', 'somebody')
const servers: Server[] = []
let sandbox: Sandbox
let echo: number
let web: number

async function listen(server: Server, ...at: [] | [string]): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => {
    if (at[0] === undefined) server.listen(0, '127.0.0.1', resolve)
    else server.listen(at[0], resolve)
  })
  return (server.address() as AddressInfo | null)?.port ?? 0
}

beforeAll(async () => {
  sandbox = await workspace.open([project, theirs])
  echo = await listen(
    createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket)),
  )
  await listen(
    createServer((socket) => socket.end('abstract')),
    `\0${abstractName}`,
  )
  web = await listen(createHttp((request, response) => response.end(`${request.method} ${request.url}\n`)))
})
afterAll(async () => {
  for (const server of servers) server.close()
  await workspace.close()
})

/** Connects past every proxy, and prints what came back. A name is that of an abstract socket. */
function direct(target: number | string, host = '127.0.0.1'): string {
  const isName = typeof target === 'string'
  const address = isName ? `'\\0${target}'` : `('${host}',${target})`
  return `python3 -c "
import socket
s=socket.socket(socket.${isName ? 'AF_UNIX' : 'AF_INET'}); s.settimeout(3)
try:
  s.connect(${address}); s.send(b'hello'); s.shutdown(1); print(s.recv(9).decode())
except OSError as e: print(type(e).__name__)
"`
}

const abstractName = `millrace-test-${process.pid}`
const networks: [network: NetworkAccess][] = [['internet'], [['example.org:443']]]

describe.each(networks)('a run with the network %j', (network) => {
  const users: [who: string, at: string][] = [
    ['the server’s user', project],
    ['somebody else', theirs],
  ]
  it.each(users)('of %s reaches no service of the machine, by no way', async (_who, at) => {
    if (at === theirs && !isRoot) return
    const { stdout } = await workspace.sh(
      sandbox,
      at,
      [
        direct(echo),
        direct(echo, '0.0.0.0'),
        direct(abstractName),
        direct(80, '169.254.169.254'),
        `curl -s --noproxy '*' -m 3 http://127.0.0.1:${web}/ || echo refused`,
      ].join('\n'),
      { network },
    )
    expect(stdout).toBe(
      'ConnectionRefusedError\nConnectionRefusedError\nConnectionRefusedError\nOSError\nrefused\n',
    )
  })

  it.each([
    '127.0.0.1',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    'metadata.google.internal',
    '10.0.0.1',
    '192.168.0.1',
  ])('is refused %s by the way out, as a tunnel and as a request', async (host) => {
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      `for how in -p ""; do NO_PROXY= no_proxy= curl -gs -m 20 $how -o /dev/null -w '%{http_connect} %{http_code}\n' http://${host}:${web}/; done; true`,
      { network },
    )
    expect(stdout).toBe('403 000\n000 403\n')
  })

  it('has a loopback interface of its own, on which its programs meet', async () => {
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      `python3 -m http.server 8123 --bind 127.0.0.1 >/dev/null 2>&1 & for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 0.3; curl -s -o /dev/null -w '%{http_code}' http://localhost:8123/ && break; done`,
      { network },
    )
    expect(stdout.replaceAll('000', '')).toBe('200')
  })
})

describe('a list of destinations', () => {
  it('opens the services of the machine that it names, under their own ports, and no others', async () => {
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      [direct(echo), direct(web), `NO_PROXY= no_proxy= curl -s http://127.0.0.1:${echo + 1}/`].join('\n'),
      { network: [`localhost:${echo}`] },
    )
    expect(stdout).toContain('hello\nConnectionRefusedError\n')
    expect(stdout).toContain('Millrace does not connect this run to')
  })

  it('is obeyed by the port as well', async () => {
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      `for port in ${web} ${echo}; do NO_PROXY= no_proxy= curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:$port/; done`,
      { network: [`127.0.0.1:${web}`] },
    )
    expect(stdout).toBe('200\n403\n')
  })
})

describe('services of a run', () => {
  it('are reached without any other network', async () => {
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      `${direct(echo)}\n${direct(web)}\nenv | grep -ic proxy`,
      { network: false, services: [echo] },
    )
    expect(stdout).toBe('hello\nConnectionRefusedError\n0\n')
  })

  it('pass on much in both directions, and end with the run', async () => {
    const { stdout } = await workspace.sh(
      sandbox,
      project,
      `python3 -c "
import socket,threading
s=socket.create_connection(('127.0.0.1',${echo}))
def send():
  for i in range(2000): s.sendall(b'x'*16384)
  s.shutdown(1)
threading.Thread(target=send).start()
n=0
while True:
  d=s.recv(65536)
  if not d: break
  n+=len(d)
print(n)"`,
      { network: 'internet', services: [echo] },
    )
    expect(stdout).toBe(`${2000 * 16384}\n`)
    const child = await workspace.spawn(
      sandbox,
      project,
      [
        'python3',
        '-c',
        `import socket,time; s=socket.create_connection(('127.0.0.1',${echo})); s.send(b'x'); s.recv(1); print('on',flush=True); time.sleep(300)`,
      ],
      { network: 'internet', services: [echo] },
    )
    child.stderr.resume()
    await new Promise((resolve) => child.stdout.once('data', resolve))
    child.stdout.resume()
    const open = () =>
      new Promise<number>((resolve) => servers[0]?.getConnections((_error, count) => resolve(count)))
    expect(await open()).toBe(1)
    await child.end(0)
    await child.exited
    await expect.poll(open).toBe(0)
  })
})

describe('a run in a network of its own', () => {
  it('holds no channel to the server, and no variable of one', async () => {
    const script =
      'env | grep -c NODE_CHANNEL; for p in /proc/[0-9]*; do ls -l $p/fd 2>/dev/null; done | grep -c socket; true'
    const [own, none] = await Promise.all(
      (['internet', false] as const).map((network) => workspace.sh(sandbox, project, script, { network })),
    )
    expect(own?.stdout).toMatch(/^0\n/)
    expect(own?.stdout).toBe(none?.stdout)
  })

  it('uses the way out although its environment names another proxy', async () => {
    const { stdout } = await workspace.sh(sandbox, project, 'echo $HTTPS_PROXY $https_proxy', {
      network: 'internet',
      env: { HTTPS_PROXY: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9' },
    })
    expect(stdout).toBe('http://127.0.0.1:47811 http://127.0.0.1:47811\n')
  })
})

it('with the network of the machine the same attempts succeed', async () => {
  const { stdout } = await workspace.sh(
    sandbox,
    project,
    [direct(echo), direct(echo, '0.0.0.0'), direct(abstractName)].join('\n'),
    { network: true },
  )
  expect(stdout).toBe('hello\nhello\nabstract\n')
})
