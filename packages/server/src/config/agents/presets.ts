import type { AgentGateway } from '../config.ts'

/**
 * What is known of four agents that speak the Agent Client Protocol (docs/agents.md): an entry of the configuration with
 * one of these names, or with `preset`, needs to say only what differs.
 */
export interface AgentPreset {
  command: readonly [string, ...string[]]
  /** A value, or the variable of the server's environment that holds it. One that is not set is left out. */
  env: Readonly<Record<string, string | { env: string }>>
  network: readonly string[]
  mode?: string
  auth?: string
  /** Reaches its model through the server's gateway, with the server's key and without knowing it. */
  gateway?: PresetGateway
  /** It asks before it changes something, as the preset starts it. */
  asks: boolean
}

export interface PresetGateway {
  vendor: AgentGateway['vendor']
  /** Variables of the agent. Absent: the model of the built-in agent. */
  variables?: { key: string; baseUrl: string; own: readonly string[] }
  /** Where the vendor is, unless `baseUrl` says otherwise. */
  baseUrl: string
}

export const agentPresets = {
  // Starts in a mode that asks for nothing.
  'claude-acp': {
    command: ['claude-agent-acp'],
    env: {},
    network: [],
    mode: 'default',
    gateway: { vendor: 'anthropic', baseUrl: 'https://api.anthropic.com' },
    asks: true,
  },
  // Its own sandbox does not start inside ours.
  codex: {
    command: ['codex-acp'],
    env: { OPENAI_API_KEY: { env: 'OPENAI_API_KEY' } },
    network: ['api.openai.com:443'],
    mode: 'agent-full-access',
    auth: 'api-key',
    gateway: {
      vendor: 'openai',
      baseUrl: 'https://api.openai.com',
      variables: {
        key: 'OPENAI_API_KEY',
        baseUrl: 'OPENAI_BASE_URL',
        own: ['CODEX_CONFIG', 'MODEL_PROVIDER'],
      },
    },
    asks: false,
  },
  gemini: {
    command: ['gemini', '--acp'],
    env: { GEMINI_API_KEY: { env: 'GEMINI_API_KEY' } },
    network: ['generativelanguage.googleapis.com:443'],
    mode: 'default',
    auth: 'gemini-api-key',
    gateway: {
      vendor: 'google',
      baseUrl: 'https://generativelanguage.googleapis.com',
      variables: { key: 'GEMINI_API_KEY', baseUrl: 'GOOGLE_GEMINI_BASE_URL', own: [] },
    },
    asks: true,
  },
  // Asks only where its own configuration says so.
  opencode: {
    command: ['opencode', 'acp'],
    env: {
      OPENCODE_CONFIG_CONTENT: JSON.stringify({
        autoupdate: false,
        permission: { edit: 'ask', bash: 'ask', webfetch: 'ask' },
      }),
    },
    network: [],
    asks: true,
  },
} as const satisfies Record<string, AgentPreset>

export type AgentPresetName = keyof typeof agentPresets

export const agentPresetNames = Object.keys(agentPresets) as [AgentPresetName, ...AgentPresetName[]]

export function presetNamed(name: string): AgentPreset | undefined {
  return Object.hasOwn(agentPresets, name) ? agentPresets[name as AgentPresetName] : undefined
}
