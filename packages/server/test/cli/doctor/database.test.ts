import { expect, it } from 'vitest'
import { checkDatabase, checksOf } from '#cli/doctor/database'
import type { Inspection } from '#store/postgres/inspection'

const good: Inspection = {
  version: '15.18 (Debian)',
  versionNumber: 150_018,
  encoding: 'UTF8',
  synchronousCommit: 'on',
  synchronousStandbys: '',
  serverPort: 5432,
  connectionsMax: 100,
  roundTripMs: 1,
  clockAheadMs: 0.4,
  schema: 1,
}
const url = 'postgres://millrace@db.example.org/millrace'
const bad = (change: Partial<Inspection>, address = url) =>
  checksOf({ url: address, synchronousStandby: false }, { ...good, ...change }).filter(
    ({ status }) => status === 'warn' || status === 'fail',
  )

it('a database that can keep a server’s promises passes', () => {
  expect(bad({})).toEqual([])
})

it('a database that is too old, or stores other text than UTF-8, fails', () => {
  expect(bad({ versionNumber: 130_012, version: '13.12' })).toMatchObject([{ status: 'fail' }])
  expect(bad({ encoding: 'SQL_ASCII' })).toMatchObject([{ status: 'fail' }])
})

it('a distant clock, a distant server, an unsafe default and a pooler deserve a warning', () => {
  expect(bad({ clockAheadMs: -90_000 })[0]?.detail).toBe("its clock is 90000 ms behind this machine's")
  expect(bad({ roundTripMs: 40 })).toHaveLength(1)
  expect(bad({ synchronousCommit: 'off' })).toHaveLength(1)
  expect(bad({}, 'postgres://db.example.org:6432/millrace')[0]?.detail).toContain('pooler')
})

it('a standby that is said to have everything deserves a warning where no commit waits for one', () => {
  const stated = (synchronousStandbys: string) =>
    checksOf(
      { url: 'postgres://db.example.org/millrace', synchronousStandby: true },
      { ...good, synchronousStandbys },
    )
  expect(stated('').filter(({ status }) => status === 'warn')).toHaveLength(1)
  expect(stated('second').filter(({ status }) => status === 'warn')).toEqual([])
})

it('a database that cannot be reached fails, and its password is not shown', async () => {
  const store = {
    url: 'postgres://millrace:made-up@127.0.0.1:1/none',
    password: undefined,
    leaseSeconds: 15,
    synchronousStandby: false,
    role: 'all' as const,
    concurrency: {},
  }
  const [check] = await checkDatabase({ store })
  expect(check).toMatchObject({ status: 'fail' })
  expect(check?.detail).toContain('127.0.0.1:1')
  expect(check?.detail).not.toContain('made-up')
  expect(await checkDatabase({})).toEqual([])
})
