import { describe, expect, it } from 'vitest'
import { proxyFor } from '#agents/tools/inside/web/proxy'

const proxies = { HTTP_PROXY: 'http://plain:1', https_proxy: 'tls:2' }

describe('the proxy that leads to an address', () => {
  it.each([
    ['http://example.org/', proxies, 'http://plain:1'],
    ['https://example.org/', proxies, 'http://tls:2'],
    ['https://example.org/', { ALL_PROXY: 'http://all:3' }, 'http://all:3'],
    ['http://example.org/', {}, null],
    ['http://example.org/', { HTTP_PROXY: '' }, null],
    ['http://example.org/', { ...proxies, NO_PROXY: '*' }, null],
    ['http://a.example.org/', { ...proxies, NO_PROXY: 'other, .example.org' }, null],
    ['http://a.example.org/', { ...proxies, NO_PROXY: '*.example.org' }, null],
    ['http://a.example.org/', { ...proxies, no_proxy: 'example.org:80' }, null],
    ['http://a.example.org:8080/', { ...proxies, no_proxy: 'example.org:80' }, 'http://plain:1'],
    ['http://notexample.org/', { ...proxies, no_proxy: 'example.org' }, 'http://plain:1'],
    ['http://[2001:db8::1]/', { ...proxies, no_proxy: '2001:db8::1' }, 'http://plain:1'],
    ['http://[2001:db8::1]/', { ...proxies, no_proxy: '[2001:db8::1]' }, null],
    // A proxy on another machine would ask its own.
    ['http://localhost:3000/', proxies, null],
    ['https://127.8.8.8/', proxies, null],
    ['http://[::1]:3000/', proxies, null],
    ['http://127.example.org/', proxies, 'http://plain:1'],
    ['http://localhost.example.org/', proxies, 'http://plain:1'],
    ['http://notlocalhost/', proxies, 'http://plain:1'],
    ['http://128.0.0.1/', proxies, 'http://plain:1'],
    ['http://[::ffff:8.8.8.8]/', proxies, 'http://plain:1'],
  ])('for %s with %o is %s', (url, env, expected) => {
    expect(proxyFor(new URL(url), env)).toBe(expected)
  })

  it.each([
    'localhost.',
    'LOCALHOST',
    'a.localhost',
    'a.b.localhost.',
    'localhost.localdomain',
    'ip6-localhost',
    '127.1',
    '127.0.0.1.',
    '2130706433',
    '0x7f.1',
    '0.0.0.0',
    '0',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:0:0]',
  ])('this machine is asked directly when it is called %s', (host) => {
    for (const url of [`http://${host}:3000/`, `https://${host}/`])
      expect(proxyFor(new URL(url), proxies), url).toBeNull()
  })
})
