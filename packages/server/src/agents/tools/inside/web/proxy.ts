/** Which proxy leads to an address, by the variables that programs share. */
import { isIP } from 'node:net'

type Environment = Readonly<Record<string, string | undefined>>

/** Returns the address of the proxy, or null for a direct connection. Loopback is never proxied. */
export function proxyFor(url: URL, env: Environment): string | null {
  if (isLoopback(url)) return null
  const named = (name: string) => env[name.toLowerCase()] || env[name.toUpperCase()] || undefined
  const proxy = named(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? named('all_proxy')
  if (proxy === undefined || isExcepted(url, named('no_proxy') ?? '')) return null
  return proxy.includes('://') ? proxy : `http://${proxy}`
}

function isLoopback({ hostname }: URL): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  )
}

/** `no_proxy`: `*`, or names with those below them, each perhaps with a port. */
function isExcepted({ hostname, port, protocol }: URL, list: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  const usualPort = protocol === 'https:' ? '443' : '80'
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true
      const [, name = '', wanted] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
      if (wanted !== undefined && wanted !== (port || usualPort)) return false
      const bare = name.replace(/^\*?\./, '')
      return bare !== '' && (host === bare || host.endsWith(`.${bare}`))
    })
}
