/** All checks of `millrace doctor`, in the order in which they are shown. */
import { messageOf } from '@millrace/protocol'
import { connect } from '#cli/connect'
import type { Io } from '#cli/terminal'
import type { ConfigFlags } from '#config/settings'
import { checkAgent, checkKeys } from './agent.ts'
import type { Check } from './check.ts'
import { checkDataDirectory } from './data-directory.ts'
import { checkDatabase } from './database.ts'
import { checkCapacity, checkConfig, checkNode } from './machine.ts'
import { checkModels } from './models.ts'
import { checkOwners } from './owners.ts'
import { checkSandbox } from './sandbox.ts'
import { checkStream } from './stream.ts'

interface CheckFlags extends Pick<ConfigFlags, 'config' | 'data'> {
  /** A server; whether anything buffers on the way to it is measured. */
  url?: string
}

export async function runChecks({ url, ...flags }: CheckFlags, io: Io): Promise<Check[]> {
  const { config, checks: configuration } = await checkConfig({ config: flags.config, data: flags.data }, io)
  const checks = [checkNode(), ...checkCapacity(), ...configuration]
  if (config !== null) {
    checks.push(
      ...(await checkDataDirectory(config.dataDir)),
      ...(config.store === undefined ? checkOwners(config.dataDir, config.limits.ownerBytes) : []),
      ...(await checkDatabase(config)),
      ...(await checkSandbox(config)),
      ...(await checkAgent(config)),
      ...(await checkModels(config, io.env)),
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
