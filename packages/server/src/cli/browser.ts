/**
 * `serve --open`: shows the login address in the browser of this machine.
 *
 * The address travels in a file that only this user reads: other users of the machine see the arguments of every
 * program, and whoever is first to use the code is logged in.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface BrowserOptions {
  env: NodeJS.ProcessEnv
  dataDir: string
  platform?: NodeJS.Platform
}

/** Resolves with the reason if no browser could be opened, else with null. Never rejects. */
export async function openBrowser(
  url: string,
  { env, dataDir, platform = process.platform }: BrowserOptions,
): Promise<string | null> {
  const program = openerOf(platform, env)
  if (program === null) return 'there is no screen here'
  const file = pageIn(dataDir)
  try {
    await rm(file, { force: true })
    await writeFile(file, redirectTo(url), { mode: 0o600 })
    const child = spawn(program, [file], { stdio: 'ignore', detached: true, env: withoutSecrets(env) })
    child.unref()
    // An opener ends at once; a browser that was named may stay.
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(openerMsMax) })
    const [code] = (await ended.catch(keepRunning)) as [number | null]
    return code === 0 ? null : `${program} failed with code ${code}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? `${program} is not installed`
      : `${program}: ${error instanceof Error ? error.message : error}`
  }
}

/** Takes away what `openBrowser` left for the browser. */
export async function forgetBrowserPage(dataDir: string): Promise<void> {
  await rm(pageIn(dataDir), { force: true }).catch(() => undefined)
}

const openerMsMax = 5000

function pageIn(dataDir: string): string {
  return join(dataDir, 'open.html')
}

/** Null: nothing could show a page, or only a text browser that would take over the terminal. */
function openerOf(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string | null {
  if (env.BROWSER) return env.BROWSER
  if (platform === 'darwin') return 'open'
  return env.DISPLAY || env.WAYLAND_DISPLAY ? 'xdg-open' : null
}

function keepRunning(error: unknown): [number] {
  if (error instanceof Error && error.name === 'AbortError') return [0]
  throw error
}

function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(?:MILLRACE|ANTHROPIC)_/i.test(name)))
}

function redirectTo(url: string): string {
  const address = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
  return `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${address}">
<title>Millrace</title>
<a href="${address}">Open Millrace</a>
`
}
