import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadConfig } from '#config/load'
import { ConfigError } from '#config/problems'
import { effectiveValues } from '#config/reference/effective'
import { shownAddress } from '#config/store-settings'
import { workspace } from '../workspace.ts'

const secret = 'made-up-secret'
const address = `postgres://millrace:${secret}@db.example.org/millrace`

function inputFor(store: object | undefined, env: NodeJS.ProcessEnv = {}, flags: { store?: string } = {}) {
  const cwd = workspace({
    'millrace.config.json': { projects: { web: { path: 'web' } }, ...(store && { store }) },
    'web/README.md': '',
    password: `${secret}\n`,
  })
  return { flags, env: { MILLRACE_DATA: join(cwd, 'data'), ...env }, cwd }
}

it('without an address the store is the embedded one', async () => {
  expect((await loadConfig(inputFor(undefined))).store).toBeUndefined()
})

it('an address comes from the flag, else the environment, else the file', async () => {
  const store = { url: 'postgres://file/db', leaseSeconds: 30 }
  const urlOf = async (...given: Parameters<typeof inputFor>) =>
    (await loadConfig(inputFor(...given))).store?.url
  expect(await urlOf(store)).toBe('postgres://file/db')
  expect(await urlOf(store, { MILLRACE_STORE: 'postgres://env/db' })).toBe('postgres://env/db')
  const flags = { store: 'postgresql://flag/db' }
  expect(await urlOf(store, { MILLRACE_STORE: 'postgres://env/db' }, flags)).toBe('postgresql://flag/db')
  expect((await loadConfig(inputFor(store))).store).toMatchObject({ leaseSeconds: 30, password: undefined })
})

it('a password comes from a file, without the line end of its editor', async () => {
  const store = { url: 'postgres://millrace@db.example.org/millrace', passwordFile: 'password' }
  expect((await loadConfig(inputFor(store))).store?.password).toBe(secret)
  await expect(loadConfig(inputFor({ ...store, passwordFile: 'missing' }))).rejects.toThrow(
    /store\.passwordFile/,
  )
})

it('an address that is none is refused without being shown', async () => {
  for (const wrong of ['mysql://db', `db:${secret}`, `postgres://db/x?password=${secret}`]) {
    for (const input of [inputFor({ url: wrong }), inputFor(undefined, { MILLRACE_STORE: wrong })]) {
      const problem = await loadConfig(input).catch((error) => error)
      expect(problem).toBeInstanceOf(ConfigError)
      expect(problem.message).toContain('the address of a Postgres database')
      expect(problem.message).not.toContain(secret)
    }
  }
  await expect(loadConfig(inputFor({ leaseSeconds: 30 }))).rejects.toThrow(/store\.url/)
})

it('no password is shown, and one in the flag deserves a warning', async () => {
  const file = { url: 'postgres://millrace@db.example.org/millrace', passwordFile: 'password' }
  for (const input of [
    inputFor({ url: address }),
    inputFor(undefined, { MILLRACE_STORE: address }),
    inputFor(undefined, {}, { store: address }),
    inputFor(file),
  ]) {
    const shown = JSON.stringify(await effectiveValues(input))
    expect(shown).toContain('db.example.org')
    expect(shown).not.toContain(secret)
  }
  expect(shownAddress(address)).toBe('postgres://millrace:********@db.example.org/millrace')
  const { warnings } = await loadConfig(inputFor(undefined, {}, { store: address }))
  expect(warnings).toEqual([expect.stringContaining('visible to every user')])
  expect(warnings.join()).not.toContain(secret)
})
