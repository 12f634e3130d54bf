/** Does the sandbox hold? Escapes are attempted, not assumed. */
import type { Config } from '../../config/config.ts'
import { openSandbox } from '../../sandbox/open.ts'
import { type Check, messageOf } from './check.ts'

export async function checkSandbox(config: Config): Promise<Check[]> {
  const name = 'sandbox'
  try {
    const sandbox = await openSandbox({
      mode: config.sandbox.mode,
      readPaths: config.sandbox.read,
      dataDir: config.dataDir,
      configFile: config.configFile,
      projects: [...config.projects.values()],
    })
    try {
      const { boundary, checks, warnings } = sandbox.report
      const held = boundary === 'none' ? 'warn' : 'ok'
      const detail = boundary === 'none' ? 'none: runs are not kept from this machine' : boundary
      return [
        { name, status: held, detail },
        ...checks.map((check): Check => {
          const result = check.held ? 'held' : 'NOT HELD'
          return {
            name,
            status: check.held ? 'ok' : 'fail',
            detail: `${check.name}: ${result} (${check.detail})`,
          }
        }),
        ...warnings.map((warning): Check => ({ name, status: 'warn', detail: warning })),
      ]
    } finally {
      await sandbox.close()
    }
  } catch (error) {
    return [{ name, status: 'fail', detail: messageOf(error) }]
  }
}
