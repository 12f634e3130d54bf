/** The program: `scripted-model <script.json> [--host H] [--port N]`. Serves until SIGINT or SIGTERM. */
import { parseArgs } from 'node:util'
import { ScriptError } from './script.ts'
import { startScriptedModel } from './server.ts'

const usage = 'usage: scripted-model <script.json> [--host 127.0.0.1] [--port 0]\n'

function readArguments(): { script: string; host: string; port: number } | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string', default: '0' } },
    })
    const [script, ...more] = positionals
    if (script === undefined || more.length > 0 || !/^\d{1,5}$/.test(values.port)) return undefined
    return { script, host: values.host, port: Number(values.port) }
  } catch {
    return undefined
  }
}

const given = readArguments()
if (given === undefined) {
  process.stderr.write(usage)
  process.exit(2)
}
try {
  const model = await startScriptedModel({ ...given, keepRequests: 0 })
  const listening = { event: 'listening', url: model.url, pid: process.pid }
  process.stdout.write(
    process.stdout.isTTY
      ? `scripted model on ${model.url} (a script, not an AI)\n`
      : `${JSON.stringify(listening)}\n`,
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void model.close())
} catch (error) {
  process.stderr.write(`${error instanceof ScriptError ? error.message : String(error)}\n`)
  process.exit(1)
}
