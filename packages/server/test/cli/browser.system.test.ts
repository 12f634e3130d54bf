import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { forgetBrowserPage, openBrowser } from '#cli/browser'
import { workspace } from '#test/config/workspace'

const url = 'http://127.0.0.1:4000/login?code=mr_login_x&y="<'

function browser(folder: string, body: string): string {
  const path = join(folder, 'browser')
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return path
}

it('the browser gets a private page that leads to the address, and no secret of the server', async () => {
  const folder = workspace()
  const program = browser(
    folder,
    `cp "$1" "${folder}/seen"; env > "${folder}/env"; echo "$@" > "${folder}/args"`,
  )
  const env = { ...process.env, BROWSER: program, ANTHROPIC_API_KEY: 'sk-x', MILLRACE_TOKEN: 'secret' }
  expect(await openBrowser(url, { env, dataDir: folder })).toBeNull()
  expect(statSync(join(folder, 'open.html')).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(folder, 'seen'), 'utf8')).toContain(
    'url=http://127.0.0.1:4000/login?code=mr_login_x&amp;y=&quot;&lt;"',
  )
  expect(readFileSync(join(folder, 'args'), 'utf8')).toBe(`${join(folder, 'open.html')}\n`)
  expect(readFileSync(join(folder, 'env'), 'utf8')).not.toMatch(/ANTHROPIC_API_KEY|MILLRACE_TOKEN/)
  await forgetBrowserPage(folder)
  expect(existsSync(join(folder, 'open.html'))).toBe(false)
})

it('a browser that cannot be opened is a reason, never a failure', async () => {
  const folder = workspace()
  const reason = (env: NodeJS.ProcessEnv) => openBrowser(url, { env, dataDir: folder, platform: 'linux' })
  expect(await reason({})).toBe('there is no screen here')
  expect(await reason({ DISPLAY: ':0', PATH: folder })).toBe('xdg-open is not installed')
  expect(await reason({ BROWSER: browser(folder, 'exit 3') })).toMatch(/failed with code 3$/)
  expect(await openBrowser(url, { env: { BROWSER: 'x' }, dataDir: join(folder, 'gone') })).toMatch(
    /ENOENT|not installed/,
  )
})
