/** The tools of executions, which run inside the sandbox whatever engine drives the agent. */
import type { NetworkAccess } from '@millrace/sandbox'
import { editTool } from './edit.ts'
import { fetchTool } from './fetch.ts'
import { listTool } from './list.ts'
import { readTool } from './read.ts'
import { searchTool } from './search.ts'
import { shellTool } from './shell.ts'
import type { AgentTool } from './tool.ts'
import { writeTool } from './write.ts'

export interface AgentToolsOptions {
  /** What commands of the shell tool reach. As in sessions, the default is the public internet. */
  shellNetwork?: NetworkAccess
  /** Hosts that the fetch tool may ask although they are not of the public web: `host` or `host:port`. Default: none. */
  fetchHosts?: readonly string[]
}

export function agentTools({
  shellNetwork = 'internet',
  fetchHosts = [],
}: AgentToolsOptions = {}): readonly AgentTool[] {
  return [
    readTool,
    searchTool,
    listTool,
    editTool,
    writeTool,
    shellTool({ network: shellNetwork }),
    fetchTool({ allowedHosts: fetchHosts }),
  ]
}
