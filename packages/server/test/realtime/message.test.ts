import { expect, it } from 'vitest'
import { Published, RecordChange } from '#realtime/message'

/** A record that counts how often it is encoded. */
function counted() {
  const count = { made: 0 }
  const record = {
    id: 'r',
    get state() {
      count.made += 1
      return 'running'
    },
    result: 'x'.repeat(1000),
  }
  return { record, count }
}

it('a message is turned into text once for all clients that select the same fields', () => {
  const { record, count } = counted()
  const message = new RecordChange('update', 'runs', record)
  expect(message.cost).toBe(message.json('').length)
  for (let n = 0; n < 5; n++)
    expect(message.json('id,state')).toBe('{"action":"update","record":{"id":"r","state":"running"}}')
  expect(count.made).toBe(2)
})

it('a message remembers no more text of selections than the whole has, whatever clients select', () => {
  const { record, count } = counted()
  const message = new RecordChange('update', 'runs', record)
  const { cost } = message
  count.made = 0
  const selections = Array.from({ length: 16 }, (_, n) => `*,no${n}`)
  for (const fields of [...selections, ...selections]) message.json(fields)
  // One of them is as long as the whole; the others are encoded each time.
  expect(count.made).toBe(2 * selections.length - 1)
  expect(message.cost).toBe(cost)
})

it('a published message has the selected fields, as the data was when it was published', () => {
  const data = { a: 1, b: { c: 2, d: 3 } }
  const message = new Published(data)
  data.a = 9
  expect([message.json(''), message.json('a,b.d')]).toEqual([
    '{"a":1,"b":{"c":2,"d":3}}',
    '{"a":1,"b":{"d":3}}',
  ])
  expect(() => new Published(1n)).toThrow(TypeError)
})
