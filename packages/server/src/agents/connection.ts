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

/** What a program takes for this machine, in the words that programs share. */
const thisMachine = '127.0.0.1,localhost,::1,[::1]'

/** The variables by which a program asks no proxy for this machine, besides the hosts of its environment. */
export function directVariables({ NO_PROXY, no_proxy }: Readonly<Record<string, string>>): {
  NO_PROXY: string
  no_proxy: string
} {
  const others = [NO_PROXY, no_proxy].find((value) => value !== undefined && value !== '')
  const direct = others === undefined ? thisMachine : `${others},${thisMachine}`
  return { NO_PROXY: direct, no_proxy: direct }
}
