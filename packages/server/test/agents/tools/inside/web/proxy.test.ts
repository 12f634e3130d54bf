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
  ])('for %s with %o is %s', (url, env, expected) => {
    expect(proxyFor(new URL(url), env)).toBe(expected)
  })
})
