/** The tools of our own agent, which run inside the sandbox. */
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
  /** Which addresses commands of the shell tool reach. As in sessions, the default is the public internet. */
  shellNetwork?: NetworkAccess
  /** Hosts outside the public web that the fetch tool may reach: `host` or `host:port`. Default: none. */
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
