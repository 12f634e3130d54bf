import { describe, expect, it } from 'vitest'
import { environmentOf } from '#agents/acp/process'

const entry = { command: ['agent'], env: {} } as never
const gateway = { url: 'http://127.0.0.1:1', token: 'made-up' }
const direct = '127.0.0.1,localhost,::1,[::1]'

describe('the environment of an agent’s program', () => {
  it('an agent without a gateway and a proxy has no variable about proxies', () => {
    const names = Object.keys(environmentOf({ entry, environment: {}, gateway: null }))
    expect(names.filter((name) => /proxy/i.test(name))).toEqual([])
  })

  it.each([null, gateway])(
    'a proxy is not asked for this machine, nor for the hosts that are configured: %o',
    (given) => {
      const environment = { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'intern' }
      const env = environmentOf({ entry, environment, gateway: given })
      expect(env).toMatchObject({ NO_PROXY: `intern,${direct}`, no_proxy: `intern,${direct}` })
    },
  )

  it('the gateway is asked directly where no proxy is configured, too', () => {
    expect(environmentOf({ entry, environment: {}, gateway })).toMatchObject({ NO_PROXY: direct })
  })
})
