import { describe, expect, it } from 'vitest'
import { sectionSchemas, toolSchema } from '#config/schema'

const read = (network: unknown) => toolSchema.safeParse({ command: ['true'], network })

describe('the network of a tool', () => {
  it.each([
    [true],
    [false],
    ['internet'],
    [['example.org:443', '*.example.org:443', '[::1]:80', 'localhost:5432']],
  ])('can be %j', (network) => {
    expect(read(network).data?.network).toEqual(network)
    expect(sectionSchemas.agent.safeParse({ network }).data?.network).toEqual(network)
  })

  it.each([
    ['host'],
    [[]],
    [['example.org']],
    [['https://example.org:443']],
    [['example.org:0']],
    [[443]],
    [null],
  ])('cannot be %j, and the problem says what can', (network) => {
    expect(read(network).error?.issues.map(({ message }) => message)).toEqual([
      'true, false, "internet", or a list of destinations such as "registry.npmjs.org:443"',
    ])
  })
})
