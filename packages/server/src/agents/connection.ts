/** How the server connects to the API of a model: through its proxy if it has one. This machine is never asked through one. */
import { type Agent, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { isThisMachine } from '#agents/tools/inside/web/proxy'

/** `proxyEnv`: variables that name a proxy (`HTTPS_PROXY`, `NO_PROXY`, …). The caller destroys the agent. */
export function connectionTo(url: URL, proxyEnv: NodeJS.ProcessEnv | undefined): Agent {
  const options = {
    keepAlive: true,
    ...(proxyEnv === undefined || isThisMachine(url) ? {} : { proxyEnv: { ...proxyEnv } }),
  }
  return url.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options)
}
