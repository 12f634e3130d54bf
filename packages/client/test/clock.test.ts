import { expect, it } from 'vitest'
import { defaultBackoff, waitMs } from '#clock'

it('the bound of the waits doubles from the first to the longest, and the whole of it is left to chance', () => {
  const bounds = [0, 1, 2, 10, 1000].map((failed) => waitMs(failed, defaultBackoff, 1))
  expect(bounds).toEqual([1000, 2000, 4000, 30_000, 30_000])
  expect([0, 1, 10].map((failed) => waitMs(failed, defaultBackoff, 0))).toEqual([0, 0, 0])
})
