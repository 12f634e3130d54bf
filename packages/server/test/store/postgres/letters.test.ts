/** What nodes on one database say to each other, count together, and take for the time. */
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { StoreClock } from '#store/postgres/store-clock'
import { serverUrl, testDatabase } from './support/database.ts'

describe.skipIf(serverUrl === null)('nodes on one database that speak to each other', () => {
  test('letters of any length arrive in order, at the node they are for, once', async () => {
    const database = await testDatabase()
    const ids = [randomUUID(), randomUUID(), randomUUID()]
    const [one, two, three] = await Promise.all(ids.map((node) => database.open({ node })))
    const heard = new Map<string, string[]>(ids.map((id) => [id, []]))
    for (const store of [one, two, three]) {
      store?.shared?.onLetter(({ from, text }) => {
        expect(from).toBe(ids[0])
        heard.get(store.shared?.node ?? '')?.push(text)
      })
    }
    const texts = [
      '"a b"',
      JSON.stringify('é'.repeat(4000)),
      '{"x":"\\u0000 @1"}',
      JSON.stringify('x'.repeat(3_000_000)),
      '1',
    ]
    for (const text of texts) void one?.shared?.post(null, text)
    void one?.shared?.post(ids[2] ?? '', '"for the third"')
    void one?.shared?.post(null, '"last"')
    await expect.poll(() => heard.get(ids[1] ?? '')?.at(-1)).toBe('"last"')
    await expect.poll(() => heard.get(ids[2] ?? '')?.at(-1)).toBe('"last"')
    expect(heard.get(ids[1] ?? '')).toEqual([...texts, '"last"'])
    expect(heard.get(ids[2] ?? '')).toEqual([...texts, '"for the third"', '"last"'])
    expect(heard.get(ids[0] ?? '')).toEqual([])
  })

  test('what happens at several nodes is counted together, in windows that end', async () => {
    const database = await testDatabase()
    const [one, two] = [await database.open(), await database.open()]
    const counts = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : two).shared?.count('login 10.0.0.1', 60_000)),
    )
    expect(counts.map((counted) => counted?.count).sort((a = 0, b = 0) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 1),
    )
    expect(await one.shared?.count('login 10.0.0.2', 60_000)).toMatchObject({ count: 1 })
    await database.query(`UPDATE counts SET until = clock_timestamp() - interval '2 minutes'`)
    const [after] = [await two.shared?.count('login 10.0.0.1', 60_000)]
    expect(after?.count).toBe(1)
    expect(after?.leftMs).toBeGreaterThan(50_000)
    expect(await database.query('SELECT name FROM counts')).toEqual([{ name: 'login 10.0.0.1' }])
  })

  test('a node announces what it is for, and all see it until it leaves', async () => {
    const database = await testDatabase()
    const one = await database.open({ node: 'one' })
    const two = await database.open({ node: 'two' })
    await one.shared?.announce('{"projects":["web"]}')
    const both = [
      { id: 'one', announced: '{"projects":["web"]}' },
      { id: 'two', announced: null },
    ]
    expect(await two.shared?.nodes()).toEqual(both)
    await one.close()
    expect(await two.shared?.nodes()).toEqual(both.slice(1))
  })

  test('the time of a node is that of the database', async () => {
    const database = await testDatabase()
    const store = await database.open()
    const [row] = await database.query<{ time: string }>(
      'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS time',
    )
    expect(Math.abs((store.shared?.now() ?? 0) - Number(row?.time))).toBeLessThan(5000)
  })
})

test('the time of a database follows the monotonic clock, and is moved only as far as a reading proves', () => {
  let at = 1000
  const clock = new StoreClock(() => at)
  expect(() => clock.now()).toThrow('never read')
  at = 1100
  // Asked at 1,000, answered at 1,100: the database showed its time somewhere in between.
  clock.read(500_000, 1000)
  expect(clock.now()).toBe(500_050)
  at = 2100
  expect(clock.now()).toBe(501_050)
  // A slow answer that contradicts nothing changes nothing.
  clock.read(500_500, 1100)
  expect(clock.now()).toBe(501_050)
  // The database's clock was set ten minutes ahead.
  clock.read(501_050 + 600_000, 2098)
  expect(clock.now()).toBe(1_101_050)
})
