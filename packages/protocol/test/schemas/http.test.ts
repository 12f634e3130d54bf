import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventTypePattern } from '#index'
import { eventsPage, listRunsQuery, logEventSchema, startRunBody } from '#schemas/index'

describe('startRunBody', () => {
  const job = { kind: 'job', project: 'web', tool: 'count' }

  it('the body of a start may be a job, with or without arguments', () => {
    expect(startRunBody.parse(job)).toEqual(job)
    expect(startRunBody.parse({ ...job, args: { path: '' } })).toEqual({ ...job, args: { path: '' } })
  })

  it.each([
    ['no kind', { project: 'web', tool: 'count' }],
    ['an unknown kind', { ...job, kind: 'nothing' }],
    ['an empty tool', { ...job, tool: '' }],
    ['a tool that is no text', { ...job, tool: 7 }],
    ['a name of 256 characters', { ...job, project: 'x'.repeat(256) }],
    ['an argument that is no text', { ...job, args: { a: 1 } }],
    ['an argument over 4096 characters', { ...job, args: { a: 'x'.repeat(4097) } }],
    ['a field nobody knows', { ...job, owner: 'somebody else' }],
    ['an array', [job]],
    ['null', null],
  ])('the body of a start is refused: %s', (_what, body) => {
    expect(startRunBody.safeParse(body).success).toBe(false)
  })
})

describe('listRunsQuery', () => {
  it('the query of a list has numbers as strings, and a default', () => {
    expect(listRunsQuery.parse({ limit: '7' })).toEqual({ limit: 7 })
    expect(listRunsQuery.parse({})).toEqual({ limit: 50 })
  })

  it.each([
    { limit: '0' },
    { limit: '201' },
    { limit: '1.5' },
    { limit: 'x' },
    { state: 'done' },
    { owner: '' },
    { outcome: 'failed' },
    { user: 'a' },
    { q: 'x'.repeat(201) },
  ])('the query of a list is refused: %j', (query) => {
    expect(listRunsQuery.safeParse(query).success).toBe(false)
  })
})

describe('events', () => {
  it('an event may hold any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const event = { seq: 1, at: 0, type: 'output', data }
        expect(logEventSchema.safeParse(event).success).toBe(true)
      }),
    )
  })

  it('the type of an event cannot end a line of an SSE frame', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (type) => {
        if (eventTypePattern.test(type)) expect(type).toMatch(/^[\x21-\x7e]{1,64}$/)
      }),
    )
    for (const type of ['a\n', '\na', 'a\r', 'a b', '', 'x'.repeat(65), 'é']) {
      expect(eventTypePattern.test(type)).toBe(false)
    }
  })

  it.each([{ seq: 0 }, { seq: -1 }, { seq: 1.5 }, { type: 'a b' }, { data: undefined }, { at: 'now' }])(
    'an event with %j is refused',
    (change) => {
      expect(logEventSchema.safeParse({ seq: 1, at: 0, type: 'output', data: {}, ...change }).success).toBe(
        false,
      )
    },
  )

  it('a page of events has the bounds of its log', () => {
    const page = { events: [], head: 0, closed: false, epoch: 'e' }
    expect(eventsPage.parse(page)).toEqual(page)
    expect(eventsPage.safeParse({ ...page, head: -1 }).success).toBe(false)
  })
})
