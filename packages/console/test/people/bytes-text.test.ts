import { expect, it } from 'vitest'
import { bytesText } from '#people/bytes-text.ts'

it.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1500, '1.5 kB'],
  [999_600, '1.0 MB'],
  [10_737_418_240, '11 GB'],
  [5e15, '5000 TB'],
])('%d is said as %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})
