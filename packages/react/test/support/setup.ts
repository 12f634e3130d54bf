/** Fails a test that makes React complain, be it about `act`, keys, or an update after the end of a component. */
import { afterEach, beforeEach, expect } from 'vitest'
import { unmountAll } from './mount.tsx'

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })

const complaints: string[] = []
for (const level of ['error', 'warn'] as const) {
  console[level] = (...said: unknown[]) => void complaints.push(said.map(String).join(' '))
}

beforeEach(() => void complaints.splice(0))
afterEach(async () => {
  await unmountAll()
  expect(complaints).toEqual([])
})
