/** How the server connects to the API of a model: through its proxy if it has one. Loopback is never proxied. */
import { type Agent, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { isLoopback } from '#config/settings'

/** `proxyEnv`: variables that name a proxy (`HTTPS_PROXY`, `NO_PROXY`, …). The caller destroys the agent. */
export function connectionTo({ protocol, hostname }: URL, proxyEnv: NodeJS.ProcessEnv | undefined): Agent {
  const isLocal = isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'))
  const options = {
    keepAlive: true,
    ...(proxyEnv === undefined || isLocal ? {} : { proxyEnv: { ...proxyEnv } }),
  }
  return protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options)
}
