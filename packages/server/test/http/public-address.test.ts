import { describe, expect, it } from 'vitest'
import { PublicAddress } from '#http/public-address'

const https = new PublicAddress('https://millrace.example.org/mill')

describe('the public address of a server', () => {
  it('the configured address wins over the one the server listens on', () => {
    https.set('http://127.0.0.1:4000')
    expect([https.url, https.prefix, https.origin, https.isSecure]).toEqual([
      'https://millrace.example.org/mill',
      '/mill',
      'https://millrace.example.org',
      true,
    ])
  })

  it('without a configured address, the one the server listens on counts, at the root', () => {
    const local = new PublicAddress()
    expect([local.url, local.cookieName]).toEqual(['', 'millrace_embedded'])
    local.set('http://127.0.0.1:4000')
    expect([local.url, local.prefix, local.origin, local.isSecure]).toEqual([
      'http://127.0.0.1:4000',
      '',
      null,
      false,
    ])
  })

  it.each([
    ['https://a.example', 'millrace_443'],
    ['http://a.example', 'millrace_80'],
    ['https://a.example:8443/x', 'millrace_8443'],
  ])('the cookie of %s carries its port', (url, name) => {
    expect(new PublicAddress(url).cookieName).toBe(name)
  })

  it.each([
    ['/mill/api/runs?x=/mill/', '/api/runs?x=/mill/'],
    ['/mill/', '/'],
    ['/mill', '/mill'],
    ['/miller/', '/miller/'],
    ['/api/runs', '/api/runs'],
    ['/mill/mill/', '/mill/'],
  ])('the target %s is %s for the routes', (target, ours) => {
    expect(https.withoutPrefix(target)).toBe(ours)
  })
})
