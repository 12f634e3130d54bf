/** pipe-lines-process.ts <printer's folder> <lines>: the printer into a pipe, and nothing done with it. */
import { spawn } from 'node:child_process'

const [folder = '.', lines = '1'] = process.argv.slice(2)
const startedAt = performance.now()
const child = spawn(process.execPath, ['printer.ts', 'flood', lines], {
  cwd: folder,
  stdio: ['ignore', 'pipe', 'inherit'],
})
let bytes = 0
child.stdout.on('data', (chunk: Buffer) => {
  bytes += chunk.length
})
child.stdout.once('end', () => {
  console.log(JSON.stringify({ seconds: (performance.now() - startedAt) / 1000, bytes }))
})
