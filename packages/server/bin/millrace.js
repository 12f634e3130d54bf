#!/usr/bin/env -S node --max-semi-space-size=16
// The flag: garbage of up to 200 MB would otherwise lie about before V8 looks; this costs it no speed.
// Plain JavaScript on purpose: it has to parse on an old Node, to hand over to the Node that was installed with it.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major > 24 || (major === 24 && minor >= 12)) import(import.meta.resolve('../src/main.ts'))
else handOver(installedNode())

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
  process.stderr.write(
    `millrace needs Node 24.12 or newer, and this is ${process.version}: install Node 24, or run npm ci in its folder, which brings one on Linux.\n`,
  )
  process.exit(1)
}
