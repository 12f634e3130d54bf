import { symlinkSync } from 'node:fs'
import { userInfo } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '#config/load'
import { load, problemsOf, workspace } from './workspace.ts'

describe('the data directory', () => {
  it('each start directory has one data directory, through whatever link it was entered', async () => {
    const root = workspace({ 'app/': '', 'other/app/': '', 'state/': '' })
    symlinkSync(join(root, 'app'), join(root, 'link'))
    const env = { HOME: '/nowhere', XDG_STATE_HOME: join(root, 'state') }
    const at = async (cwd: string) => (await loadConfig({ flags: {}, env, cwd: join(root, cwd) })).dataDir
    const app = await at('app')
    expect(app).toMatch(new RegExp(`^${join(root, 'state/millrace/app-')}[0-9a-f]{12}$`))
    expect(await at('link')).toBe(app)
    expect(basename(await at('other/app'))).not.toBe(basename(app))
  })

  it('the data directory is below ~/.local/state if XDG_STATE_HOME is unset or relative', async () => {
    const [home, app] = [workspace(), workspace()]
    for (const env of [{ HOME: home }, { HOME: home, XDG_STATE_HOME: 'relative' }]) {
      const { dataDir } = await loadConfig({ flags: {}, env, cwd: app })
      expect(dataDir.startsWith(join(home, '.local/state/millrace/'))).toBe(true)
    }
  })

  it('the data directory is below the home that the system knows if HOME is empty or relative', async () => {
    const app = workspace()
    for (const HOME of [undefined, '', '.']) {
      const { dataDir } = await loadConfig({ flags: {}, env: { HOME }, cwd: app })
      expect(dataDir.startsWith(join(userInfo().homedir, '.local/state/millrace/'))).toBe(true)
    }
  })

  it('the data directory is that of --data, else that of MILLRACE_DATA', async () => {
    const [app, data] = [workspace(), workspace()]
    const env = { MILLRACE_DATA: join(data, 'by-env') }
    expect((await load(app, { env })).dataDir).toBe(join(data, 'by-env'))
    expect((await load(app, { env, flags: { data: join(data, 'a/b') } })).dataDir).toBe(join(data, 'a/b'))
  })

  it('a data directory inside a project, even behind a link, or around one is refused', async () => {
    const root = workspace({ 'app/package.json': {}, 'app/inner/': '' })
    symlinkSync(join(root, 'app/inner'), join(root, 'link'))
    const app = join(root, 'app')
    for (const data of ['.', '.millrace', '../link/data']) {
      expect(await problemsOf(app, { flags: { data } })).toEqual([
        {
          path: '--data',
          expected: expect.stringMatching(/outside every project; .* is inside the project "app"/),
        },
      ])
    }
    expect(await problemsOf(app, { env: { MILLRACE_DATA: root } })).toEqual([
      { path: 'MILLRACE_DATA', expected: expect.stringContaining('is around the project "app"') },
    ])
  })

  it('a data directory may be beside a project whose name has the same beginning', async () => {
    const root = workspace({ 'app/package.json': {} })
    const config = await load(join(root, 'app'), { flags: { data: '../app-data' } })
    expect(config.dataDir).toBe(join(root, 'app-data'))
  })

  it('the default data directory is refused if the home directory is the project, with a remedy', async () => {
    const home = workspace()
    expect(await problemsOf(home, { env: { HOME: home } })).toEqual([
      { path: '--data', expected: expect.stringContaining('name another with --data or MILLRACE_DATA') },
    ])
  })
})
