#!/usr/bin/env -S node --max-semi-space-size=16
// The flag: garbage of up to 200 MB would otherwise lie about before V8 looks; this costs it no speed.
// Plain JavaScript on purpose: it has to parse on an old Node to be able to say that the Node is old.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `millrace needs Node 24.12 or newer and this is ${process.version}: run it through npm (npm start, npx millrace), which carries one on Linux, or install Node 24.\n`,
  )
  process.exit(1)
}
import(import.meta.resolve('../src/main.ts'))
