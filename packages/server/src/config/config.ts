/** The validated configuration, which `load.ts` builds from the file, the environment and the flags. */
import type { NetworkAccess } from '@millrace/sandbox'
import type { ValuePattern } from './pattern.ts'

export interface Project {
  id: string
  /** Absolute, links resolved. */
  path: string
}

/** An argument that a caller may pass to a tool. Its value fills `{name}` in the command. */
export interface ToolArg {
  required: boolean
  default: string | undefined
  /** The whole value must match. */
  pattern: ValuePattern | undefined
  /** The value must be one of these. */
  values: readonly string[] | undefined
}

export interface Tool {
  id: string
  title: string
  /** Program and arguments; `{projectPath}` and declared arguments are filled in, each within its element. */
  command: readonly [string, ...string[]]
  args: ReadonlyMap<string, ToolArg>
  /** Null: no limit. */
  timeoutSeconds: number | null
  network: NetworkAccess
  env: Readonly<Record<string, string>>
  /** Ids of the projects it may run in. */
  projects: readonly string[]
  allowNestedSandbox: boolean
  /** Caches of tools last from one of its jobs to the next. */
  cache: boolean
  /** The size of the terminal that its jobs get; null for none. */
  terminal: { columns: number; rows: number } | null
  limits: { memoryBytes: number | undefined; processes: number | undefined; outputBytes: number | undefined }
}

export interface Config {
  /** Null: zero configuration. */
  configFile: string | null
  /** Absolute. */
  dataDir: string
  host: string
  /** 0: any. */
  port: number
  logLevel: string
  /** `MILLRACE_TOKEN`: an admin token given from outside. */
  adminToken: string | undefined
  /** `ANTHROPIC_API_KEY` and `ANTHROPIC_BASE_URL`: the model API of agent sessions. */
  anthropic: { apiKey: string | undefined; baseUrl: string | undefined }
  projects: ReadonlyMap<string, Project>
  tools: ReadonlyMap<string, Tool>
  concurrency: { job: number; session: number; execution: number }
  sandbox: SandboxSettings
  http: {
    /** The address at which clients reach this server, without a trailing slash. */
    publicUrl?: string | undefined
    hosts: readonly string[]
    trustProxy: boolean
    cors: { origins: readonly string[] }
    compressStreams: boolean
    /** Other nodes of this machine listen on the same port. */
    reusePort: boolean
  }
  limits: {
    streamsPerUser: number
    streamsPerAddress: number
    streams: number
    startsPerMinute: number
    loginsPerMinute: number
    bodyBytes: number
    eventBytes: number
    /** Of a job whose tool sets no limit. */
    outputBytes?: number | undefined
    /** What the runs of one owner may take in the store. */
    ownerBytes: number
  }
  /** Runs that ended `days` ago are deleted; of every other log only the newest `events` are kept. */
  retention: { days: number; events?: number | undefined }
  worktrees: {
    /** Absent: beside the data directory, and in /var/lib for the owners of other projects. */
    directory?: string | undefined
    /** Worktrees without unmerged work that nobody used for so long are removed. */
    days: number
    /** The same for those with unmerged work. Undefined: never. */
    unmergedDays?: number | undefined
    /** How many one user may have. */
    perOwner: number
    /** What those of one user may take on the disk. */
    ownerBytes: number
  }
  /** Undefined: the embedded store, in the data directory. */
  store?: StoreSettings | undefined
  /** What an execution may use at most, and what applies where its request names no limit. */
  executions: {
    iterations: number
    tokens?: number | undefined
    seconds: number
    usd?: number | undefined
    /** What commands of the shell tool reach. */
    shellNetwork: NetworkAccess
    /** Hosts that the fetch tool may ask although they are not of the public web. */
    fetchHosts: readonly string[]
  }
  /** The sections below are undefined if the file lacks them. */
  policy?: PolicySettings | undefined
  agent?: AgentSettings | undefined
  /** Agents besides the built-in one, by name. */
  agents?: ReadonlyMap<string, AgentEntry> | undefined
  models?: ReadonlyMap<string, ModelSettings> | undefined
  realtime?: { publicTopics: readonly string[] } | undefined
  /** Which push services may be requested, and where they reach the operators. */
  push: { services: readonly string[]; contact?: string | undefined }
  auth?: { jwt?: JwtSettings | undefined } | undefined
  /** What a person should know who configured nothing: a line each at the start. */
  notices?: readonly string[]
  /** Legal settings that deserve a log line at the start. */
  warnings: readonly string[]
}

export interface StoreSettings {
  /** Of a Postgres database; it may hold a password. */
  url: string
  /** From a file. Undefined: that of the address, or of PGPASSFILE. */
  password: string | undefined
  leaseSeconds: number
  /** The operator states that a standby that takes over has every commit. */
  synchronousStandby: boolean
  /** What this node does: serve and work, only serve, or only work. */
  role: NodeRole
  /** Of a Redis or Valkey that carries what nodes tell each other; it may hold a password. */
  redisUrl?: string | undefined
  /** How many runs of a kind may be active on all nodes together. */
  concurrency: { job?: number | undefined; session?: number | undefined; execution?: number | undefined }
}

export const nodeRoles = ['all', 'web', 'worker'] as const
export type NodeRole = (typeof nodeRoles)[number]

export interface SandboxSettings {
  mode: 'auto' | 'required' | 'off'
  /** With `required`: projects of root are accepted. */
  rootProjects: boolean
  read: readonly string[]
  /** Of caches that last. 0: none does. */
  cacheBytesMax: number
  tmpBytes: number
  homeBytes: number
  /** Of every run: proxies, certificate authorities, `sandbox.passEnv` and `sandbox.env`. */
  env: Readonly<Record<string, string>>
  /** Files and directories that `env` names; runs read them. */
  certificates: readonly string[]
}

/** Exactly one of `jwksUrl` and `secret` is defined. */
interface JwtSettings {
  /** Where the identity provider publishes its keys. */
  jwksUrl?: string | undefined
  /** The value of the environment variable that `secretEnv` names. */
  secret?: string | undefined
  issuer?: string | undefined
  audience?: string | undefined
}

export interface PolicySettings {
  /** Undefined: the built-in allow-list. */
  allowedTools?: readonly string[] | undefined
  approvals: 'off' | 'on'
  /** Undefined: `ask` where people may be asked, else `allow`. */
  unreadableBash?: 'allow' | 'ask' | 'deny' | undefined
  /** How long a person has to answer before the question counts as denied. */
  approvalSeconds: number
  /** How long the process of a session waits for an answer. Absent: as long as it takes. */
  parkAfterSeconds?: number | undefined
}

/** Options of the agent SDK that are data, passed through unchanged. */
export interface AgentSettings {
  maxTurns?: number | undefined
  maxBudgetUsd?: number | undefined
  /** Our own: ends a session whose process is silent for this long with no call in progress. */
  stallSeconds?: number | undefined
  /** Our own: what a session reaches besides the model. */
  network?: NetworkAccess | undefined
  /** Our own: limits on a session with all its tools. */
  limits?: { memoryBytes?: number | undefined; processes?: number | undefined } | undefined
  [option: string]: unknown
}

export interface AgentGateway {
  vendor: 'anthropic' | 'openai' | 'google'
  /** Null: the model of the built-in agent. */
  upstream: { baseUrl: string; apiKey: string } | null
}

/** An entry of `agents`: a program that speaks the Agent Client Protocol on its standard input and output. */
export interface AgentEntry {
  name: string
  command: readonly [string, ...string[]]
  /** Its whole environment besides what every run has. */
  env: Readonly<Record<string, string>>
  /** Values of `env` that came from the server's environment. */
  secrets: readonly string[]
  network: NetworkAccess
  /** Set right after a conversation has begun. Undefined: the agent's own. */
  mode?: string | undefined
  /** The method by which it logs in. Undefined: it does so by itself. */
  auth?: string | undefined
  /** Its model is behind the server's gateway, and no process of the run has the key. Null: it reaches its model itself. */
  gateway: AgentGateway | null
  /** Does it ask before it changes something? Null: not known. */
  asks: boolean | null
  /** Absolute paths that it may read besides those of every run. */
  read: readonly string[]
  /** Files in its home when a conversation begins: path below the home → content. */
  files: ReadonlyMap<string, string>
  stallSeconds?: number | undefined
  limits: { memoryBytes?: number | undefined; processes?: number | undefined }
}

/** An entry of `models`, for executions. */
export interface ModelSettings {
  provider: 'openai-compatible' | 'anthropic' | 'openai' | 'google'
  /** Undefined: the provider's own address. */
  baseUrl?: string | undefined
  /** The model's name at the provider. Undefined: the entry holds for every model of the provider. */
  model?: string | undefined
  /** The environment variable that holds the key; the key itself is never in the file. */
  apiKeyEnv?: string | undefined
  /** Which of OpenAI's two APIs. */
  api?: 'responses' | 'chat' | undefined
  /** US dollars per million tokens. Undefined: the cost of the model is unknown. */
  price?:
    | {
        input: number
        output: number
        cacheRead?: number | undefined
        cacheWrite?: number | undefined
        cacheWriteHour?: number | undefined
      }
    | undefined
  /** How many tokens a request and its answer may have together. */
  contextTokens?: number | undefined
  /** Of one answer. */
  outputTokensMax?: number | undefined
}
