/** nginx with the Nchan module: a private process with its own configuration, and a publisher beside it. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { quietPort } from '@millrace/test-support/server'
import { firstLine, nodeCommand, startChild } from '../measure/child.ts'
import { childrenOf } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import { preparePrinting } from '../printer/printing.ts'
import { getRequest, type Peer } from './peer.ts'

const program = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync)
const module = ['/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/share/nginx/modules']
  .map((folder) => join(folder, 'ngx_nchan_module.so'))
  .find(existsSync)

export const nchan: Peer = {
  name: 'nginx + Nchan',
  missing: () =>
    program === undefined || module === undefined ? 'Debian: apt-get install nginx libnginx-mod-nchan' : null,

  async start(scratch) {
    const folder = scratch.folder()
    // The worker is another user.
    chmodSync(folder, 0o755)
    const printing = preparePrinting(folder)
    const port = await quietPort()
    mkdirSync(join(folder, 'logs'))
    writeFileSync(join(folder, 'nginx.conf'), configuration(port))
    let nginx = await startNginx(folder, port, scratch)
    let publisher = await startPublisher(printing.folder, port, 0, scratch)
    return {
      printing,
      port,
      get pids() {
        return [nginx.pid, ...childrenOf(nginx.pid)]
      },
      request: async (after) =>
        getRequest('/sub', after === null ? {} : { 'Last-Event-ID': await idOf(port, after) }),
      settle: () => {},
      async restart(printed) {
        printing.rate(0)
        await publisher.kill()
        // Workers outlive a master that was killed.
        const workers = childrenOf(nginx.pid)
        await nginx.kill()
        for (const pid of workers) process.kill(pid, 'SIGKILL')
        nginx = await startNginx(folder, port, scratch)
        publisher = await startPublisher(printing.folder, port, printed, scratch)
      },
    }
  },
}

async function startNginx(folder: string, port: number, scratch: Scratch) {
  const child = startChild(
    [program ?? 'nginx', '-p', folder, '-c', 'nginx.conf', '-e', 'logs/error.log'],
    scratch,
  )
  scratch.onRelease(() => child.kill('SIGTERM'))
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => null)
    if (answer !== null) return child
    await sleep(20)
  }
}

/** A publisher that has published `history` events, as its first ones, when it is ready. */
async function startPublisher(folder: string, port: number, history: number, scratch: Scratch) {
  const child = startChild(
    nodeCommand('./publisher-process.ts', import.meta.url, [folder, port, 'nchan', history]),
    scratch,
  )
  await firstLine(child)
  return child
}

/** Nchan gives its own ids: read from the frame that carries the event. */
async function idOf(port: number, number: number): Promise<string> {
  const stop = new AbortController()
  const response = await fetch(`http://127.0.0.1:${port}/all`, {
    headers: { Accept: 'text/event-stream' },
    signal: stop.signal,
  })
  let text = ''
  const wanted = `^${String(number).padStart(10, '0')},`
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString('latin1')
      const at = text.indexOf(wanted)
      if (at === -1 || text.indexOf('\n\n', at) === -1) continue
      const frame = text.slice(text.lastIndexOf('\n\n', at) + 1, text.indexOf('\n\n', at))
      const id = /^id: ?(.*)$/m.exec(frame)?.[1]
      if (id !== undefined) return id
    }
  } finally {
    stop.abort()
  }
  throw new Error(`Nchan has no event ${number}`)
}

function configuration(port: number): string {
  return `
load_module ${module};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid logs/nginx.pid;
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path logs; proxy_temp_path logs; fastcgi_temp_path logs; uwsgi_temp_path logs; scgi_temp_path logs;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:${port} backlog=65535;
    nchan_message_buffer_length 20000;
    nchan_message_timeout 1h;
    location = /pub { nchan_publisher; nchan_channel_id bench; }
    location = /sub { nchan_subscriber eventsource; nchan_channel_id bench; nchan_subscriber_first_message newest; }
    location = /all { nchan_subscriber eventsource; nchan_channel_id bench; nchan_subscriber_first_message oldest; }
  }
}
`
}
