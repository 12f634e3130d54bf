/** For peers: runs the printer as a bare child and hands on its lines, each as an event's data. */
import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

export interface LineEvent {
  line: string
  timestamp: number
  stream: 'stdout'
}

/** The data is that of Millrace's `output` events. Returns the pipe, for who must stop reading for a while. */
export function printedLines(folder: string, onLine: (event: LineEvent, n: number) => void): Readable {
  const child = spawn(process.execPath, ['printer.ts'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  let rest = ''
  let n = 0
  child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine({ line, timestamp: Date.now(), stream: 'stdout' }, ++n)
  })
  return child.stdout
}
