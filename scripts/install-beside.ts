/**
 * Installs a folder that has a lockfile of its own: packages that only a benchmark or a long test needs stay out of the
 * workspaces, and so out of everybody's `npm ci`.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Does nothing if the folder matches its lockfile. */
export function installBeside(folder: string): void {
  const lock = join(folder, 'package-lock.json')
  const installed = join(folder, 'node_modules/.installed-lock.json')
  if (existsSync(installed) && readFileSync(installed).equals(readFileSync(lock))) return
  console.error(`installing the packages of ${folder}/ (${lock})`)
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) process.exit(status ?? 1)
  copyFileSync(lock, installed)
}
