import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import * as library from '#index'
import { millraceIn } from './host.ts'

const { ConfigError, DataDirInUse, errorTable, MillraceError } = library

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

test('every error class that the library exports is a MillraceError', () => {
  const classes = (Object.values(library) as unknown[]).filter(
    (exported): exported is typeof Error =>
      typeof exported === 'function' && exported.prototype instanceof Error,
  )
  expect(classes.map(({ name }) => name).sort()).toEqual([
    'ConfigError',
    'CursorReset',
    'DataDirInUse',
    'MillraceError',
    'SubscriptionRefused',
  ])
  for (const one of classes.filter(({ name }) => name !== 'MillraceError'))
    expect([one.name, one.prototype instanceof MillraceError]).toEqual([one.name, true])
})

// Failed before: ConfigError had no code.
test('a wrong configuration fails the start with invalid_config and one field for each problem', async () => {
  const error = await failureOf(millraceIn({}, { limits: { streams: 0, bodyBytes: 1 } }).start())
  expect(error).toBeInstanceOf(ConfigError)
  const { name, code, fields } = error as InstanceType<typeof ConfigError>
  expect({ name, code }).toEqual({ name: 'ConfigError', code: 'invalid_config' })
  expect(fields?.map(({ path }) => path)).toEqual(['limits.streams', 'limits.bodyBytes'])
})

// Failed before: the error had no code, and its class was not exported.
test('a data directory in use fails the start with data_dir_in_use, until it is released', async () => {
  const dataDir = temporaryFolder()
  const [first, second] = [millraceIn({ dataDir }), millraceIn({ dataDir })]
  await first.start()
  const error = await failureOf(second.start())
  expect(error).toBeInstanceOf(DataDirInUse)
  expect(error).toMatchObject({
    code: 'data_dir_in_use',
    message: expect.stringContaining(String(process.pid)),
  })
  await first.stop()
  await second.start()
})

// Failed before: errors of the worker thread and of the operating system were passed on unchanged.
test('storage that cannot be opened fails the start with storage_failed', async () => {
  const newer = temporaryFolder()
  const database = new DatabaseSync(join(newer, 'millrace.db'))
  database.exec('PRAGMA user_version = 100000')
  database.close()
  expect(await failureOf(millraceIn({ dataDir: newer }).start())).toMatchObject({
    code: 'storage_failed',
    message: expect.stringContaining('newer version of Millrace'),
  })
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  const below = join(file, 'data')
  expect(await failureOf(millraceIn({ dataDir: below }).start())).toMatchObject({ code: 'storage_failed' })
})

test('docs/protocol.md lists every code with its status, whether to retry, and its meaning', () => {
  const document = readFileSync(new URL('../../../../docs/protocol.md', import.meta.url), 'utf8')
  const section = document.slice(document.indexOf('## 8. Error codes'))
  const rows = [...section.matchAll(/^\| `(\w+)` \| (\d+) \| (yes|no) \| (.+) \|$/gm)]
  expect(
    rows.map(([, code, status, retry, title]) => [code, Number(status), retry === 'yes', title]),
  ).toEqual(
    Object.entries(errorTable).map(([code, { status, retry, title }]) => [code, status, retry, title]),
  )
})
