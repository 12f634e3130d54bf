/** A real nginx on loopback: its own configuration and folder, in the foreground, ended by its pid. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quietPort } from '@millrace/test-support/server'

export interface Nginx {
  url: string
  /** Its log of errors. */
  errors: () => string
  end: () => Promise<void>
}

const shipped = fileURLToPath(new URL('../../deploy/nginx.conf', import.meta.url))

/** `deploy/nginx.conf` as it is shipped, but for the address, the name and the certificate. */
export function shippedConfiguration(upstream: string): (port: number) => string {
  return (port) => {
    let text = readFileSync(shipped, 'utf8')
    const replace = (from: RegExp, to: string) => {
      if (!from.test(text)) throw new Error(`deploy/nginx.conf has no ${from}`)
      text = text.replace(from, to)
    }
    replace(/server 127\.0\.0\.1:4000;/, `server ${upstream};`)
    replace(/listen 443 ssl http2;/, `listen 127.0.0.1:${port};`)
    replace(/server_name .*;/, 'server_name localhost;')
    replace(/^ *ssl_certificate .*\n^ *ssl_certificate_key .*\n/m, '')
    return text
  }
}

/** Starts nginx in `folder`, with these directives in its `http` block; on any port, if none is given. */
export async function startNginx(
  folder: string,
  directives: (port: number) => string,
  given?: number,
): Promise<Nginx> {
  const port = given ?? (await quietPort())
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o755)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const configuration = [
    'daemon off;',
    // Its workers would run as a user who may not read our folder.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    `pid ${join(folder, 'nginx.pid')};`,
    `error_log ${join(folder, 'error.log')} notice;`,
    'worker_processes 1;',
    'events { worker_connections 256; }',
    'http {',
    'access_log off;',
    ...temporary.map((name) => `${name}_temp_path ${join(folder, name)};`),
    directives(port),
    '}',
  ]
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, configuration.join('\n'))
  const child = spawn('nginx', ['-p', folder, '-e', join(folder, 'error.log'), '-c', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const exited = once(child, 'exit')
  const errors = () => said + readFileSync(join(folder, 'error.log'), 'utf8')
  const ended = exited.then(() => Promise.reject(new Error(`nginx did not start:\n${errors()}`)))
  await Promise.race([untilItListens(port), ended])
  ended.catch(() => {})
  return {
    url: `http://127.0.0.1:${port}`,
    errors,
    end: async () => {
      // At once: its patience with open streams would be endless.
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function untilItListens(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
