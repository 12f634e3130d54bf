import { describe, expect, it } from 'vitest'
import { isAllowedHost, isPublicAddress, refusedHost } from '#agents/tools/inside/web/addresses'

describe('hosts that a page may be fetched from', () => {
  it.each([
    'http://localhost/',
    'http://LOCALHOST./',
    'http://a.localhost/',
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0/',
    'http://10.1.2.3/',
    'http://172.31.0.1/',
    'http://192.168.0.1/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://100.100.100.200/',
    'http://168.63.129.16/',
    'http://metadata.google.internal/',
    'http://metadata/',
    'http://router/',
    'http://printer.local/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[fd00:ec2::254]/',
    'http://[fe80::1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://255.255.255.255/',
  ])('leave out %s', (url) => {
    expect(refusedHost(new URL(url))).not.toBe(null)
  })

  it.each([
    'http://example.org/',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'http://sub.example.co.uk:8080/',
  ])('include %s', (url) => {
    expect(refusedHost(new URL(url))).toBe(null)
  })

  it('include what the configuration allows, by host or by host and port', () => {
    expect(isAllowedHost(new URL('http://wiki.corp/x'), ['wiki.corp'])).toBe(true)
    expect(isAllowedHost(new URL('http://localhost:3000/'), ['localhost:3000'])).toBe(true)
    expect(isAllowedHost(new URL('http://localhost:3001/'), ['localhost:3000'])).toBe(false)
    expect(isAllowedHost(new URL('https://[::1]/'), ['::1'])).toBe(true)
    expect(isAllowedHost(new URL('https://wiki.corp.example.org/'), ['wiki.corp'])).toBe(false)
  })

  it('are no addresses that are none', () => {
    expect(isPublicAddress('not an address')).toBe(false)
    expect(isPublicAddress('fe80::1%eth0')).toBe(false)
  })
})
