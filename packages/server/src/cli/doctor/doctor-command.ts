/** `millrace doctor`: tries out what a server needs, and shows what it found. */
import { messageOf } from '@millrace/protocol'
import { connect } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { type Io, printable, Terminal } from '#cli/terminal'
import type { ConfigFlags } from '#config/settings'
import { checkAgent, checkKeys } from './agent.ts'
import type { Check } from './check.ts'
import { checkDataDirectory } from './data-directory.ts'
import { checkConfig, checkNode } from './machine.ts'
import { checkSandbox } from './sandbox.ts'
import { checkStream } from './stream.ts'

interface DoctorFlags extends Pick<ConfigFlags, 'config' | 'data'> {
  url?: string
  json?: boolean
}

export async function doctorCommand(flags: DoctorFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const checks = await runChecks(flags, io)
  const healthy = checks.every((check) => check.status !== 'fail')
  if (terminal.json) await terminal.value({ ok: healthy, checks })
  else await show(checks, terminal)
  return healthy ? exitCodes.ok : exitCodes.failed
}

async function runChecks({ url, ...flags }: DoctorFlags, io: Io): Promise<Check[]> {
  const { config, checks: configuration } = await checkConfig({ config: flags.config, data: flags.data }, io)
  const checks = [checkNode(), ...configuration]
  if (config !== null) {
    checks.push(
      ...(await checkDataDirectory(config.dataDir)),
      ...(await checkSandbox(config)),
      ...(await checkAgent(config)),
    )
  }
  checks.push(...checkKeys(io.env))
  if (url !== undefined) checks.push(...(await checkStreamAt(url, flags.data, io)))
  return checks
}

async function checkStreamAt(url: string, data: string | undefined, io: Io): Promise<Check[]> {
  try {
    const { server } = await connect({ url, data, env: io.env, cwd: io.cwd })
    return await checkStream(server)
  } catch (error) {
    return [{ name: 'stream', status: 'fail', detail: messageOf(error) }]
  }
}

const marks = { ok: 'ok', info: '--', warn: '!!', fail: 'XX' } as const
const styles = { ok: 'green', info: 'dim', warn: 'yellow', fail: 'red' } as const

async function show(checks: readonly Check[], terminal: Terminal): Promise<void> {
  const width = Math.max(...checks.map((check) => check.name.length))
  let last = ''
  for (const { name, status, detail } of checks) {
    const title = name === last ? '' : name
    last = name
    const mark = terminal.styled(styles[status], marks[status])
    await terminal.line(`${title.padEnd(width)}  ${mark}  ${printable(detail)}`)
  }
}
