import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loopbackPortsOf, parseDestination, Rules } from '#network/access'
import { isHostPrivate, isPublic } from '#network/addresses'
import { upstreamFor } from '#network/upstream'

const at = (text: string) => {
  const destination = parseDestination(text)
  if (destination === null) throw new Error(text)
  return destination
}

describe('a destination', () => {
  it.each([
    ['example.org:443', { host: 'example.org', port: 443 }],
    ['Example.ORG.:443', { host: 'example.org', port: 443 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['*.example.org:443', { host: '*.example.org', port: 443 }],
  ])('%s is read', (text, destination) => {
    expect(parseDestination(text)).toEqual(destination)
  })

  it.each([
    'example.org',
    ':443',
    'a:0',
    'a:65536',
    'a b:1',
    'http://a:1',
    'a/b:1',
    '[a]:1',
    'u@a:1',
    '::1:80',
  ])('%s is none', (text) => {
    expect(parseDestination(text)).toBe(null)
  })
})

describe('addresses', () => {
  it.each(['8.8.8.8', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1'])(
    '%s is of the internet',
    (address) => {
      expect(isPublic(address)).toBe(true)
    },
  )

  it('that are private stay private in every way to write them in IPv6', () => {
    const octet = fc.integer({ min: 0, max: 255 })
    const starts = fc.constantFrom([10], [127], [169, 254], [172, 20], [192, 168], [100, 100], [0])
    fc.assert(
      fc.property(starts, fc.tuple(octet, octet, octet, octet), (start, rest) => {
        const bytes = [...start, ...rest].slice(0, 4)
        const hex = (index: number) => (((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0)).toString(16)
        const plain = bytes.join('.')
        for (const address of [
          plain,
          `::ffff:${plain}`,
          `::ffff:${hex(0)}:${hex(2)}`,
          `0:0:0:0:0:ffff:${hex(0)}:${hex(2)}`,
          `64:ff9b::${hex(0)}:${hex(2)}`,
          `2002:${hex(0)}:${hex(2)}::1`,
          `::${plain}`,
        ])
          expect([address, isPublic(address)]).toEqual([address, false])
      }),
    )
  })

  it.each(['127.0.0.1', '::1', '169.254.169.254', 'fe80::1%eth0', '0.0.0.0', '::ffff:127.0.0.1', 'nonsense'])(
    '%s is the machine’s own',
    (address) => {
      expect(isHostPrivate(address)).toBe(true)
    },
  )
})

describe('a list', () => {
  const rules = new Rules([
    'registry.npmjs.org:443',
    '*.example.org:443',
    'db.lan:5432',
    '10.0.0.7:80',
    '127.0.0.1:9',
  ])

  it.each([
    ['registry.npmjs.org:443', true],
    ['registry.npmjs.org:80', false],
    ['evil-registry.npmjs.org:443', false],
    ['a.example.org:443', true],
    ['a.b.example.org:443', true],
    ['example.org:443', false],
    ['evilexample.org:443', false],
    ['10.0.0.7:80', true],
    ['10.0.0.8:80', false],
  ])('decides about %s: %s', (text, isAllowed) => {
    expect(rules.allowsName(at(text))).toBe(isAllowed)
  })

  it('lets a name lead into a private network, but to the machine itself only by its number', () => {
    expect(rules.allowsAddress(at('db.lan:5432'), '10.1.2.3')).toBe(true)
    expect(rules.allowsAddress(at('db.lan:5432'), '127.0.0.1')).toBe(false)
    expect(rules.allowsAddress(at('db.lan:5432'), '169.254.169.254')).toBe(false)
    expect(rules.allowsAddress(at('127.0.0.1:9'), '127.0.0.1')).toBe(true)
    expect(loopbackPortsOf(['127.0.0.1:9', 'localhost:10', 'a:11'])).toEqual([9, 10])
  })
})

describe('the proxy of the server', () => {
  const env = { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'corp.example, .lan,10.0.0.7:80' }
  it.each([
    ['example.org:443', 'http://proxy:3128/'],
    ['git.corp.example:443', undefined],
    ['db.lan:5432', undefined],
    ['example.org:80', undefined],
    ['localhost:443', undefined],
    ['a.localhost:443', undefined],
    ['127.0.0.1:443', undefined],
    ['[::1]:443', undefined],
    ['[::ffff:127.0.0.1]:443', undefined],
    ['169.254.169.254:443', undefined],
  ])('is on the way to %s: %s', (text, proxy) => {
    expect(upstreamFor(at(text), env)?.href).toBe(proxy)
  })
})
