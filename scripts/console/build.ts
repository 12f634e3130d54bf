/**
 * `npm run build:console`: builds the console into the server's package (`packages/server/public`), unless the build there is
 * of these very sources: a hash of them lies beside it. `--always` builds anyway, `--optional` takes a
 * failure lightly, for a server that starts with what there is.
 */
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const built = join(root, 'packages/server/public')
const stamp = join(built, '.sources')

/** What the build is made of. */
const sources = [
  'packages/console/{index.html,vite.config.ts,package.json}',
  'packages/console/{src,public}/**/*',
  'packages/{react,client,protocol}/{package.json,src/**/*}',
  'package-lock.json',
]

function hashOfSources(): string {
  const hash = createHash('sha256')
  const files = globSync(sources, { cwd: root, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const path of files.map(({ parentPath, name }) => join(parentPath, name)).sort())
    hash.update(path.slice(root.length)).update('\0').update(readFileSync(path)).update('\0')
  return hash.digest('hex')
}

const wanted = hashOfSources()
const known = existsSync(stamp) ? readFileSync(stamp, 'utf8') : ''
if (known !== wanted || process.argv.includes('--always')) {
  const bundler = await import('vite').catch(() => null)
  if (bundler === null) {
    // Installed without development dependencies: the server starts, and its page says the same.
    console.error('The console is not built: that needs the development dependencies (npm ci).')
  } else {
    // Beside, then moved: servers that start at the same time build it at the same time.
    const outDir = `${built}-${process.pid}`
    try {
      await bundler.build({
        root: join(root, 'packages/console'),
        logLevel: 'warn',
        build: { outDir, emptyOutDir: true },
      })
      writeFileSync(join(outDir, '.sources'), wanted)
      rmSync(built, { recursive: true, force: true })
      renameSync(outDir, built)
    } catch (error) {
      rmSync(outDir, { recursive: true, force: true })
      // Another has just moved its build there.
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') failed(error)
    }
  }
}

function failed(error: unknown): void {
  if (!process.argv.includes('--optional')) throw error
  const reason = [...String(error).matchAll(/^Error: (.*)$/gm)].at(-1)?.[1] ?? String(error)
  console.error(
    `The console could not be built: ${reason}\nIf this checkout was updated, run "npm ci" in it.`,
  )
}
