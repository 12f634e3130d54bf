/** Which proxy leads to an address, by the variables that programs share. */
import { BlockList, isIP } from 'node:net'

type Environment = Readonly<Record<string, string | undefined>>

/** Returns the address of the proxy, or null for a direct connection. This machine is never asked through one. */
export function proxyFor(url: URL, env: Environment): string | null {
  if (isThisMachine(url)) return null
  const named = (name: string) => env[name.toLowerCase()] || env[name.toUpperCase()] || undefined
  const proxy = named(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? named('all_proxy')
  if (proxy === undefined || isExcepted(url, named('no_proxy') ?? '')) return null
  return proxy.includes('://') ? proxy : `http://${proxy}`
}

/** Whether the host is the machine that connects to it, by any name or number. A proxy would take it for its own. */
export function isThisMachine({ hostname }: Pick<URL, 'hostname'>): boolean {
  const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) === 0) return localName.test(host)
  return local.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6')
}

/** RFC 6761, and what systems of Linux usually have besides. */
const localName = /^(.+\.)?localhost(\.localdomain)?\.?$|^ip6-(localhost|loopback)\.?$/

/** It knows addresses of IPv4 in those of IPv6, too. A connection to no address leads to loopback. */
const local = new BlockList()
local.addSubnet('127.0.0.0', 8, 'ipv4')
local.addAddress('0.0.0.0', 'ipv4')
local.addSubnet('::', 127, 'ipv6')

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
