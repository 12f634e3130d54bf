/**
 * `npm run pack`: makes a tarball of each package that `npm run build` has built, in `tarballs/` or the folder that is
 * named: `npm run pack -- /tmp/tarballs`. Prints their paths.
 */
import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

const folder = resolve(process.argv[2] ?? 'tarballs')
mkdirSync(folder, { recursive: true })
for (const old of globSync('millrace-*.tgz', { cwd: folder })) rmSync(join(folder, old))
for (const dist of globSync('packages/*/dist')) {
  const args = ['pack', '--json', '--pack-destination', folder]
  execFileSync('npm', args, { cwd: dist, stdio: ['ignore', 'ignore', 'inherit'] })
}
for (const tarball of globSync('millrace-*.tgz', { cwd: folder }).sort()) console.log(join(folder, tarball))
