/** Checks whether the sandbox holds, by attempting to escape from it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '@millrace/protocol'
import { openSandbox, type SandboxReport } from '@millrace/sandbox'
import type { Config } from '#config/config'
import type { Check } from './check.ts'
import { checkNodeInSandbox } from './node-in-sandbox.ts'

const name = 'sandbox'

/**
 * Uses a data directory of its own. On the real one, a sandbox that opens would treat the files of a running
 * server as leftovers of a dead one and remove them, including those that keep its runs from planting
 * settings.
 */
export async function checkSandbox(config: Config): Promise<Check[]> {
  let dataDir: string
  try {
    dataDir = await directoryOfOurOwn(config.dataDir)
  } catch (error) {
    return [{ name, status: 'fail', detail: messageOf(error) }]
  }
  try {
    return await tryOut(config, dataDir)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** Inside the real one, if it exists: a hole that reveals the real one to a run reveals this one too. */
function directoryOfOurOwn(dataDir: string): Promise<string> {
  return mkdtemp(join(dataDir, 'doctor-')).catch(() => mkdtemp(join(tmpdir(), 'millrace-doctor-')))
}

async function tryOut(config: Config, dataDir: string): Promise<Check[]> {
  try {
    const sandbox = await openSandbox({
      mode: config.sandbox.mode,
      refuseRoot: config.sandbox.mode === 'required' && !config.sandbox.rootProjects,
      readPaths: config.sandbox.read,
      certificates: config.sandbox.certificates,
      dataDir,
      configFile: config.configFile,
      projects: [...config.projects.values()],
    })
    try {
      const { boundary, checks, warnings, path } = sandbox.report
      const held = boundary === 'none' ? 'warn' : 'ok'
      const detail = boundary === 'none' ? 'none: runs have full access to this machine' : boundary
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
        ...pathChecks(path),
        ...(await checkNodeInSandbox(sandbox, config.projects.values())),
        ...warnings.map((warning): Check => ({ name, status: 'warn', detail: warning })),
      ]
    } finally {
      await sandbox.close()
    }
  } catch (error) {
    return [{ name, status: 'fail', detail: messageOf(error) }]
  }
}

function pathChecks(path: SandboxReport['path']): Check[] {
  if (path === undefined) return []
  const left = path.leftOut.map(
    ({ directory, why }): Check => ({
      name,
      status: 'info',
      detail: `not on the PATH of runs: ${directory}: ${why}`,
    }),
  )
  return [{ name, status: 'info', detail: `PATH of runs: ${path.directories.join(':')}` }, ...left]
}
