/**
 * A conversation in an editor that is closed while the agent works.
 *
 * Usage: MILLRACE_TOKEN=… npx node main.ts PROJECT
 */
import { openEditor } from './editor.ts'

const [project = ''] = process.argv.slice(2)
const cwd = process.cwd()

const first = await openEditor(project)
const { sessionId } = await first.agent.request('session/new', { cwd, mcpServers: [] })
await first.prompt(sessionId, 'How long is the README?')

// The second prompt takes a while. The editor does not wait for it.
first.prompt(sessionId, 'Wait a moment, please.').catch(() => {})
await first.shows("agent runs: Bash bash -c 'sleep 2'")
await first.close()
console.log('--- the editor is closed; the agent works on ---')

const second = await openEditor(project)
await second.agent.request('session/load', { sessionId, cwd, mcpServers: [] })
await second.shows('agent: I waited while you were away.')
await second.close()
