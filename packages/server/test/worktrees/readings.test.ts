import { expect, it } from 'vitest'
import { Readings } from '#worktrees/readings'

/** Readings that end when the test says so. */
function slow() {
  const begun: string[] = []
  const ends: (() => void)[] = []
  const read = (name: string) => () => {
    begun.push(name)
    return new Promise<string>((resolve) => ends.push(() => resolve(name)))
  }
  /** Ends the oldest that is at work. */
  const end = async () => {
    ends.shift()?.()
    await settle()
  }
  return { begun, read, end }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

it('callers that ask while a reading waits share it, and one that is at work is shared with nobody', async () => {
  const { begun, read, end } = slow()
  const readings = new Readings(4)
  const first = readings.share('a', read('first'))
  await settle()
  const second = readings.share('a', read('second'))
  const third = readings.share('a', read('third'))
  expect(begun).toEqual(['first'])
  await end()
  expect(begun).toEqual(['first', 'second'])
  await end()
  expect(await Promise.all([first, second, third])).toEqual(['first', 'second', 'second'])
})

it('no more readings are at work at once than the limit, whatever their keys, and each begins in its turn', async () => {
  const { begun, read, end } = slow()
  const readings = new Readings(2)
  const answers = Promise.all(['a', 'b', 'c', 'd'].map((key) => readings.share(key, read(key))))
  await settle()
  expect(begun).toEqual(['a', 'b'])
  await end()
  expect(begun).toEqual(['a', 'b', 'c'])
  await end()
  await end()
  await end()
  expect(await answers).toEqual(['a', 'b', 'c', 'd'])
  const later = readings.share('a', read('again'))
  await settle()
  await end()
  expect(await later).toBe('again')
})

it('a reading that fails fails for those who shared it, and the next one begins', async () => {
  const readings = new Readings(1)
  const broken = () => Promise.reject(new Error('broken'))
  const shared = [readings.share('a', broken), readings.share('a', broken)]
  for (const one of shared) await expect(one).rejects.toThrow('broken')
  expect(await readings.share('a', async () => 'whole')).toBe('whole')
})
