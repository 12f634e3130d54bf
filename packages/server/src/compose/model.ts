/** The model that agent sessions talk to: the configured one, or the scripted demo. */
import type { Logger } from 'pino'
import type { ModelEndpoint } from '#agents/gateway/endpoint'
import type { Config } from '#config/config'
import { type Demo, demoOwner, demoProjectId, openDemo } from './demo.ts'
import type { Releases } from './releases.ts'

/** Where agent sessions find their model, unless `ANTHROPIC_BASE_URL` says otherwise. */
const defaultModelUrl = 'https://api.anthropic.com'

export interface ModelChoice {
  /** With the demo's project, where the demo brings one. */
  config: Config
  /** Null: there is no model. */
  model: ModelEndpoint | null
  demo: Demo | null
}

/** Chooses the configured model, else the demo's. `demoLog` is null where no demo is wanted. */
export async function chooseModel(
  config: Config,
  demoLog: Logger | null,
  releases: Releases,
): Promise<ModelChoice> {
  const { apiKey, baseUrl } = config.anthropic
  if (apiKey !== undefined || baseUrl !== undefined) {
    return { config, model: { baseUrl: baseUrl ?? defaultModelUrl, apiKey, demo: false }, demo: null }
  }
  const demo = demoLog === null ? null : await tryDemo(config, demoLog)
  if (demo === null) return { config, model: null, demo }
  releases.push(() => demo.close())
  const model: ModelEndpoint = { baseUrl: demo.baseUrl, apiKey: undefined, demo: true }
  demoLog?.info('Agent sessions: without ANTHROPIC_API_KEY, a scripted demo model answers, not an AI.')
  const { project } = demo
  if (project === null) return { config, model, demo }
  const projects = new Map([...config.projects, [project.id, project]])
  return { config: { ...config, projects }, model, demo }
}

/** A demo that cannot be opened does not keep the server from starting. */
async function tryDemo(config: Config, log: Logger): Promise<Demo | null> {
  const { dataDir, configFile, projects, sandbox } = config
  const refusesRoot = sandbox.mode === 'required' && !sandbox.rootProjects
  // A configuration file names the projects there are.
  const withProject =
    configFile === null && !projects.has(demoProjectId) && !(refusesRoot && demoOwner() === 0)
  try {
    return await openDemo(dataDir, { withProject })
  } catch (error) {
    log.warn({ err: error }, 'the demo could not be opened')
    return null
  }
}
