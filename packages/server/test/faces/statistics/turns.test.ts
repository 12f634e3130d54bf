import { expect, it } from 'vitest'
import { CallerTurns } from '#faces/statistics/turns'

it('of one caller one reading is at work, four are not over, and other callers do not wait', async () => {
  const turns = new CallerTurns()
  const ends: (() => void)[] = []
  let atWork = 0
  const read = () => {
    atWork += 1
    return new Promise<string>((resolve) => ends.push(() => resolve('read'))).finally(() => {
      atWork -= 1
    })
  }
  const answers = Array.from({ length: 4 }, () => turns.read('ann', read))
  expect(() => turns.read('ann', read)).toThrow('being counted already')
  expect(await turns.read('bob', async () => 'his')).toBe('his')
  for (let n = 0; n < 4; n += 1) {
    expect(atWork).toBe(1)
    ends.shift()?.()
    await answers[n]
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await turns.read('ann', async () => 'again')).toBe('again')
})

it('a reading that fails ends its turn', async () => {
  const turns = new CallerTurns()
  const broken = turns.read('ann', () => Promise.reject(new Error('broken')))
  const next = turns.read('ann', async () => 'whole')
  await expect(broken).rejects.toThrow('broken')
  expect(await next).toBe('whole')
})
