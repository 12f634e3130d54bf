/**
 * Checks what would be published: `publint` over the `dist/` of each package, and the declarations behind its doors as
 * a strict user's compiler reads them (`skipLibCheck: false`).
 */
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const built = globSync('packages/*/dist')
for (const dist of built) execFileSync('npx', ['--no-install', 'publint', dist], { stdio: 'inherit' })
const options =
  '--ignoreConfig --noEmit --strict --skipLibCheck false --allowImportingTsExtensions --module nodenext --target es2024 --lib es2024,dom,esnext.disposable,esnext.collection --types node'
execFileSync('npx', ['--no-install', 'tsc', ...options.split(' '), ...built.flatMap(doorsOf)], {
  stdio: 'inherit',
})

function doorsOf(dist: string): string[] {
  const { exports: entries } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as {
    exports: Record<string, { types: string }>
  }
  return Object.values(entries).map(({ types }) => join(dist, types))
}
