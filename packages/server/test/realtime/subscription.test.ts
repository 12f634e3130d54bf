import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isOneLine, readSubscription, SubscriptionRefused, topicProblem } from '#realtime/subscription'

const encoded = (options: unknown) => encodeURIComponent(JSON.stringify(options))

describe('a subscription', () => {
  it.each<[string, string, boolean]>([
    ['runs/*', 'runs/*', true],
    ['projects/web', 'projects/web', true],
    ['PB_CONNECT', 'PB_CONNECT', false],
    ['chat', 'chat', false],
    ['runsome', 'runsome', false],
    ['chat?a=1', 'chat?a=1', false],
    [`chat?a=1&options=${encoded({ query: {} })}`, 'chat?a=1', false],
    [`runs/*?options=${encoded({ query: { fields: 'id' }, headers: { a: 'b' } })}`, 'runs/*', true],
    [`chat?options=${encoded({ query: { room: 7 } })}`, 'chat', false],
    [`chat?options=${encoded({ query: null })}`, 'chat', false],
  ])('the subscription %s is of the topic %s', (text, topic, ofRecords) => {
    expect(readSubscription(text)).toMatchObject({ text, topic, ofRecords })
  })

  it.each<[string, string | null]>([
    [`runs/*?options=${encoded({ query: { filter: 'a' } })}`, 'filter'],
    [`runs/*?options=${encoded({ query: { room: 'a' } })}`, 'room'],
    [`chat?options=${encoded({ query: { expand: 'a' } })}`, 'expand'],
    [`chat?options=${encoded({ body: {} })}`, 'body'],
    [`runs/*?options=${encoded({ query: { fields: ['id'] } })}`, 'fields'],
    ['runs/*?options=%', null],
    ['runs/*?options=[]', null],
    ['runs/*?a=b', null],
    [`chat?options=${encoded({ query: 'a' })}`, null],
  ])('the subscription %s is refused', (text, option) => {
    expect(() => readSubscription(text)).toThrow(SubscriptionRefused)
    try {
      readSubscription(text)
    } catch (error) {
      expect((error as SubscriptionRefused).option).toBe(option)
    }
  })

  it('any text is read as a subscription or refused, and a topic that may be published to can be followed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        if (topicProblem(text) === null) expect(readSubscription(text).topic).toBe(text)
        try {
          expect(readSubscription(text).text).toBe(text)
        } catch (error) {
          expect(error).toBeInstanceOf(SubscriptionRefused)
        }
      }),
    )
  })

  it('a subscription is one line of text that arrives as it was sent', () => {
    expect(['a\nb', 'a\rb', 'a\0', '\ud800'].map(isOneLine)).toEqual([false, false, false, false])
    expect(isOneLine(' runs/* \u2028 ä')).toBe(true)
  })
})
