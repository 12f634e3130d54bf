/**
 * Bundles the server's program and its threads into `packages/server/.bundle/`, so that a start loads a few files instead
 * of a thousand. `packages/server/bin/bundle.js` runs this whenever a source is newer than the bundle.
 *
 * Every bundle has a folder of its own, since a running server loads parts of its bundle late. `current.json` names the
 * newest, with the state of the files it was made from.
 */
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { builtins, latin1, ownAddresses, stubs } from './plugins.ts'

const root = resolve(import.meta.dirname, '../..')
const server = join(root, 'packages/server')
const bundles = join(server, '.bundle')

/** Programs and threads, by the name under which the code resolves them. */
const entries = {
  main: 'main',
  'reader-worker': 'store/sqlite/reader/reader-worker',
  'writer-worker': 'store/sqlite/writer/writer-worker',
  'self-test': 'agents/claude/engine/self-test-main',
}

/** Loaded rarely, or with files of their own beside their modules. */
const external = [
  /^@anthropic-ai\//,
  /^@fastify\/swagger/,
  /^@fastify\/ajv-compiler$/,
  /^@fastify\/fast-json-stringify-compiler$/,
  /^@ai-sdk\//,
  /^ai$/,
]

const startedAt = Date.now()
const folder = join(bundles, `${startedAt.toString(36)}-${process.pid}`)
const inputs = await bundle()
writeFileSync(join(bundles, `current.json.${process.pid}`), JSON.stringify({ folder, inputs }))
renameSync(join(bundles, `current.json.${process.pid}`), join(bundles, 'current.json'))
removeOld()

/** Returns the state of every file that a bundle like this depends on. */
async function bundle(): Promise<[path: string, mtimeMs: number, size: number][]> {
  const made = await rolldown({
    input: Object.fromEntries(
      Object.entries(entries).map(([name, path]) => [name, join(server, `src/${path}.ts`)]),
    ),
    cwd: root,
    platform: 'node',
    external,
    plugins: [
      builtins,
      stubs,
      ownAddresses(folder, new Map(Object.entries(entries).map(([name, path]) => [path, name]))),
      latin1,
    ],
    treeshake: { propertyReadSideEffects: false },
    experimental: { nativeMagicString: true, chunkOptimization: false },
    logLevel: 'silent',
  })
  const { output } = await made.write({
    dir: folder,
    format: 'esm',
    sourcemap: true,
    comments: false,
    minify: false,
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
  })
  await made.close()
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  const own = modules.filter((id) => id.startsWith(join(root, 'packages/')) && !id.includes('/node_modules/'))
  const packages = readdirSync(join(root, 'packages')).map((name) =>
    join(root, 'packages', name, 'package.json'),
  )
  // npm writes this file with every change of what is installed.
  const installed = join(root, 'node_modules/.package-lock.json')
  return [...own, ...packages, installed, import.meta.filename].flatMap((path) => {
    const state = statSync(path, { throwIfNoEntry: false })
    // Changed while it was read, maybe: the next start makes another bundle.
    return state === undefined ? [] : [[path, state.mtimeMs >= startedAt ? 0 : state.mtimeMs, state.size]]
  })
}

/** Removes bundles that no server uses. Commands are over within the hour. */
function removeOld(): void {
  const old = readdirSync(bundles, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && join(bundles, entry.name) !== folder,
  )
  for (const { name } of old) {
    const path = join(bundles, name)
    const pids = readdirSync(path).flatMap((file) => /^used-by-(\d+)$/.exec(file)?.[1] ?? [])
    const recent = Date.now() - statSync(path).mtimeMs < 3_600_000
    if (!recent && !pids.some(isAlive)) rmSync(path, { recursive: true, force: true })
  }
}

function isAlive(pid: string): boolean {
  try {
    return process.kill(Number(pid), 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
