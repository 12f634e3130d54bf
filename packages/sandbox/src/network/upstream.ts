/** The server's own proxy, for connections of runs that must go through it. */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Destination } from './access.ts'
import { isHostPrivate } from './addresses.ts'

/** Null where the server connects by itself: also to itself, which a proxy on another machine would take for its own. */
export function upstreamFor({ host, port }: Destination, env: NodeJS.ProcessEnv): URL | null {
  if (isLocal(host)) return null
  const named = (name: string) => env[name.toLowerCase()] || env[name] || ''
  const proxy = (port === 80 ? named('HTTP_PROXY') : named('HTTPS_PROXY')) || named('ALL_PROXY')
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol)) return null
  const isDirect = named('NO_PROXY')
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, name = '', only] = /^\*?\.?(.*?)(?::([0-9]+))?$/.exec(entry.toLowerCase()) ?? []
      if (only !== undefined && Number(only) !== port) return false
      return entry === '*' || host === name || host.endsWith(`.${name}`)
    })
  return isDirect ? null : new URL(proxy)
}

function isLocal(host: string): boolean {
  return isIP(host) === 0 ? /(?:^|\.)localhost$/.test(host) : isHostPrivate(host)
}

/** Opens a tunnel. The proxy looks the name up, so the address cannot be judged here. */
export function connectThrough(proxy: URL, { host, port }: Destination, patienceMs: number): Promise<Socket> {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const isTls = proxy.protocol === 'https:'
  const at = { host: proxy.hostname, port: Number(proxy.port) || (isTls ? 443 : 80) }
  const login =
    proxy.username === ''
      ? ''
      : Buffer.from(decodeURIComponent(`${proxy.username}:${proxy.password}`)).toString('base64')
  return new Promise((resolve, reject) => {
    const socket: Socket = isTls
      ? connectTls({ ...at, servername: proxy.hostname })
      : connect({ ...at, allowHalfOpen: true })
    const fail = (message: string) => {
      socket.destroy()
      reject(Object.assign(new Error(message), { code: message }))
    }
    let head = ''
    const read = (chunk: Buffer) => {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) {
        if (head.length > 16_384) fail('the proxy of this server does not answer as one')
        return
      }
      if (!/^HTTP\/1\.[01] 2/.test(head))
        return fail(`the proxy of this server refused: ${head.split('\r\n', 1)[0]}`)
      socket.off('data', read)
      socket.pause()
      socket.setTimeout(0)
      const rest = Buffer.from(head.slice(end + 4), 'latin1')
      if (rest.length > 0) socket.unshift(rest)
      resolve(socket)
    }
    socket.setTimeout(patienceMs, () => fail('the proxy of this server does not answer'))
    socket.on('error', (error) => fail((error as NodeJS.ErrnoException).code ?? error.message))
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      socket.write(
        `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${login === '' ? '' : `Proxy-Authorization: Basic ${login}\r\n`}\r\n`,
      )
    })
    socket.on('data', read)
  })
}
