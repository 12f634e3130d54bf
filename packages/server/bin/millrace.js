#!/usr/bin/env -S node --max-semi-space-size=16
// The flag: garbage of up to 200 MB would otherwise lie about before V8 looks; this costs it no speed.
// Plain JavaScript on purpose: it has to parse on an old Node, to hand over to the Node that was installed with it.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major > 24 || (major === 24 && minor >= 12)) {
  cacheCompiledCode()
  run(import.meta.resolve('../src/main.ts'))
} else handOver(installedNode())

/** A checkout runs a bundle of its sources, which starts in half the time; a package runs what was built. */
async function run(program) {
  if (!program.endsWith('.ts')) return import(program)
  const { bundledProgram, buildConsole } = await import('./bundle.js')
  buildConsole()
  return import(bundledProgram() ?? program)
}

/**
 * Compiling a thousand modules is a third of a start. Node's own default, a folder of the temporary directory, would let
 * another user of the machine plant code; the user's cache directory does not. Without one nothing is cached.
 */
function cacheCompiledCode() {
  try {
    const { XDG_CACHE_HOME: given = '' } = process.env
    const caches = isAbsolute(given) ? given : join(homedir(), '.cache')
    // One by one: Node's recursive way loops forever where no folder can be made, such as in /proc.
    const folders = [caches, join(caches, 'millrace'), join(caches, 'millrace', 'compiled')]
    for (const folder of folders) if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
    module.enableCompileCache(folders[2])
  } catch {
    return
  }
  // Otherwise written at the exit only, which a server that is killed does not have.
  setTimeout(() => module.flushCompileCache(), 5000).unref()
}

/** The Node 24 that npm installed beside this program, if the platform has one. */
function installedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(
      `node-${process.platform}-${process.arch}/package.json`,
    )
    return join(dirname(manifest), 'bin', 'node')
  } catch {
    return undefined
  }
}

function handOver(node) {
  if (node === undefined) return refuse()
  const args = ['--max-semi-space-size=16', fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const child = spawn(node, args, { stdio: 'inherit' })
  // A terminal's Ctrl-C reaches both; the program takes signals within a second for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', refuse)
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function refuse() {
  // Only a checkout has the sources, and a Node in its dependencies.
  const isCheckout = existsSync(fileURLToPath(new URL('../src/main.ts', import.meta.url)))
  const remedy = isCheckout ? ', or run npm ci in its folder, which brings one on Linux' : ''
  process.stderr.write(
    `millrace needs Node 24.12 or newer, and this is ${process.version}: install Node 24${remedy}.\n`,
  )
  process.exit(1)
}
