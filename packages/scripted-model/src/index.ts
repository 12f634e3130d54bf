/** A scripted stand-in for a model provider's API: for demos and tests, never pretending to be AI. */
import { fileURLToPath } from 'node:url'

export { loadScript, parseScript, type Reply, type Script, ScriptError, type Step } from './script.ts'
export {
  type RecordedRequest,
  type ScriptedModel,
  type ScriptedModelOptions,
  startScriptedModel,
} from './server.ts'

/** The demo: fixes the failing test of the sample project with real tools. */
export const demoScript: string = fileURLToPath(new URL('../scripts/demo.json', import.meta.url))
