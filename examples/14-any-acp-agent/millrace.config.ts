/** The agent, with what it may read besides the project: itself, and the packages that it imports. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const sdk = fileURLToPath(import.meta.resolve('@agentclientprotocol/sdk'))
const packages = sdk.slice(0, sdk.lastIndexOf('node_modules') + 'node_modules'.length)

export default {
  projects: { 'sample-project': { path: '../sample-project' } },
  agents: {
    'line-counter': {
      command: ['node', join(import.meta.dirname, 'agent.ts')],
      read: [dirname(sdk), join(packages, '@agentclientprotocol'), join(packages, 'zod')],
    },
  },
}
