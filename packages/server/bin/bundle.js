/**
 * Finds the bundle of the checkout's sources, and makes it when there is none or a source has changed since.
 * What runs is always what the sources say: where no bundle can be made, they are loaded themselves.
 * A server also gets its console, built once; `npm start` renews it when its sources have changed.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const server = fileURLToPath(new URL('../', import.meta.url))
const bundler = join(server, '../../scripts/bundle/server.ts')
const consoleBuilder = join(server, '../../scripts/console/build.ts')
const makingMs = 60_000

/** Returns the address of the program in the bundle; undefined where the sources must be loaded. */
export function bundledProgram() {
  try {
    const folder = freshBundle() ?? make()
    if (folder === undefined) return undefined
    claim(folder)
    return pathToFileURL(join(folder, 'main.js')).href
  } catch {
    return undefined
  }
}

/** Where it cannot be built, the server starts without it, and its page says so. */
export function buildConsole() {
  if (process.argv[2] !== 'serve' || existsSync(join(server, 'public/index.html'))) return
  if (!existsSync(consoleBuilder) || !existsSync(join(server, '../../node_modules/vite'))) return
  try {
    accessSync(server, constants.W_OK)
  } catch {
    return
  }
  process.stderr.write('Building the console: this happens once.\n')
  spawnSync(process.execPath, [consoleBuilder, '--optional'], { stdio: ['ignore', 2, 2], timeout: makingMs })
}

/** Returns the folder of the bundle, if every file that it was made from is as it was then. */
function freshBundle() {
  let current
  try {
    current = JSON.parse(readFileSync(join(server, '.bundle/current.json'), 'utf8'))
  } catch {
    return undefined
  }
  const isFresh = current.inputs.every(([path, mtimeMs, size]) => {
    const state = statSync(path, { throwIfNoEntry: false })
    return state !== undefined && state.mtimeMs === mtimeMs && state.size === size
  })
  return isFresh && existsSync(current.folder) ? current.folder : undefined
}

/** In a process of its own, whose memory is gone when it ends. */
function make() {
  if (!existsSync(join(server, '../../node_modules/rolldown'))) return undefined
  accessSync(server, constants.W_OK)
  const { status } = spawnSync(process.execPath, [bundler], { stdio: 'ignore', timeout: makingMs })
  return status === 0 ? freshBundle() : undefined
}

/** A server loads parts of its bundle late: those of a running one are kept. */
function claim(folder) {
  if (!process.argv.includes('serve')) return
  const file = join(folder, `used-by-${process.pid}`)
  writeFileSync(file, '')
  process.on('exit', () => rmSync(file, { force: true }))
}
