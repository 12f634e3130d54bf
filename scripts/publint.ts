/** Lints what would be published: `publint` over the `dist/` of each package. */
import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'

for (const dist of globSync('packages/*/dist')) {
  execFileSync('npx', ['--no-install', 'publint', dist], { stdio: 'inherit' })
}
