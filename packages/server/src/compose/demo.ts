/**
 * What a server without a model's key offers instead: the scripted demo model, and a project for it to
 * repair. Everything it drives says that it is a script.
 *
 * Owns: the model's server, and the copy of the sample project, made anew for every run that begins there, so that
 * there is something to repair. Both are gone when `close()` has resolved. The copy of a server that was killed is removed by
 * the next one on this machine, whatever its data directory.
 */
import { createHash } from 'node:crypto'
import {
  cpSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { barrierTo } from '@millrace/sandbox'
import { demoProject, demoScript, loadScript, startScriptedModel } from '@millrace/scripted-model'
import type { Project } from '#config/config'
import type { Kind } from '#runners/kind'
import { isAlive } from '#store/sqlite/upkeep/is-alive'

export interface Demo {
  /** Where the model's API is. It asks for no key. */
  baseUrl: string
  /** Null: none was asked for. */
  project: Project | null
  /** Makes the project anew. Nothing may be working in it. */
  refresh(): void
  close(): Promise<void>
}

export const demoProjectId = 'demo'
const folderPrefix = 'millrace-demo-'
/** Beside the project: whose it is. */
const serverFile = 'server.json'
/** `nobody`, everywhere. */
const nobody = 65_534

/**
 * Returns the owner of the demo's project, who its runs work as. A server of root gives it to `nobody`, unless `nobody` cannot
 * reach the installation, as below /root: the demo's sessions could not start their program.
 */
export function demoOwner(
  uid = process.getuid?.(),
  installation = [process.execPath, import.meta.filename],
): number {
  if (uid !== 0) return uid ?? 0
  return installation.every((path) => barrierTo(path, nobody, nobody) === null) ? nobody : 0
}

export async function openDemo(dataDir: string, { withProject }: { withProject: boolean }): Promise<Demo> {
  const model = await startScriptedModel({ script: loadScript(demoScript), keepRequests: 0 })
  const owner = demoOwner()
  if (!withProject)
    return { baseUrl: model.url, project: null, refresh: () => {}, close: () => model.close() }
  // Not in the data directory, which no run may enter; the name is the same after a restart, for a resume.
  const server = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  const folder = join(tmpdir(), `${folderPrefix}${server}`)
  const path = join(folder, 'sample-project')
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const close = async () => {
    await model.close()
    remove()
  }
  const refresh = () => {
    remove()
    mkdirSync(folder, { mode: 0o755 })
    writeFileSync(join(folder, serverFile), JSON.stringify([hostname(), process.pid]))
    cpSync(demoProject, path, { recursive: true })
    if (owner === process.getuid?.()) return
    // The folder last: from then on another process of that user could replace what is in it.
    for (const entry of [...readdirSync(path, { recursive: true, encoding: 'utf8' }).reverse(), '.']) {
      lchownSync(join(path, entry), owner, owner)
    }
  }
  try {
    removeAbandoned()
    refresh()
  } catch (error) {
    await close()
    throw error
  }
  return { baseUrl: model.url, project: { id: demoProjectId, path: realpathSync(path) }, refresh, close }
}

/** Removes the copies of our user's servers on this machine that are no longer alive. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(folderPrefix))) {
    const folder = join(tmpdir(), name)
    try {
      if (lstatSync(folder).uid !== process.getuid?.()) continue
      const [host, pid] = JSON.parse(readFileSync(join(folder, serverFile), 'utf8')) as [unknown, unknown]
      // A number that another process has by now keeps the copy, which does no harm.
      if (host === hostname() && typeof pid === 'number' && !isAlive(pid))
        rmSync(folder, { recursive: true, force: true })
    } catch {
      // Its server is just making or removing it.
    }
  }
}

/** The kind, whose runs in the demo's project begin with something to repair; one that resumes keeps what is there. */
export function onFreshDemo(kind: Kind, demo: Demo | null): Kind {
  if (demo?.project == null || !kind.exclusive) return kind
  const { runner } = kind
  return {
    ...kind,
    runner: {
      ...runner,
      run: (context) => {
        if (context.project?.id === demoProjectId && context.run.resumes === null) demo.refresh()
        return runner.run(context)
      },
    },
  }
}
