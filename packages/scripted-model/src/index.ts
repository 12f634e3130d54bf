/** A scripted stand-in for a model provider's API: for demos and tests, never pretending to be AI. */
import { existsSync } from 'node:fs'
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

/** The sample project as it is before the demo: to be copied, not to be worked on. */
export const demoProject: string = [
  // As published, and as it lies in the repository.
  new URL('../sample-project', import.meta.url),
  new URL('../../../examples/sample-project', import.meta.url),
]
  .map((place) => fileURLToPath(place))
  .reduce((published, inRepository) => (existsSync(published) ? published : inRepository))

/** A program that speaks the Agent Client Protocol: what a prompt says is what it does (`acp/deeds.ts`). */
export const scriptedAgentProgram = fileURLToPath(new URL('./acp/main.ts', import.meta.url))
