/** The validated configuration: what `load.ts` makes of the file, the environment and the flags. */
export interface Project {
  id: string
  /** Absolute, links resolved. */
  path: string
}

/** An argument a caller may give to a tool. Its value fills `{name}` in the command. */
export interface ToolArg {
  required: boolean
  default: string | undefined
  /** The whole value must match. */
  pattern: RegExp | undefined
  /** The value must be one of these. */
  values: readonly string[] | undefined
}

export interface Tool {
  id: string
  title: string
  /** Program and arguments; `{projectPath}` and declared args are filled in, one element each. */
  command: readonly [string, ...string[]]
  args: ReadonlyMap<string, ToolArg>
  /** Null: no limit. */
  timeoutSeconds: number | null
  network: boolean
  env: Readonly<Record<string, string>>
  /** Ids of the projects it may run in. */
  projects: readonly string[]
  allowNestedSandbox: boolean
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
  /** `ANTHROPIC_API_KEY` and `ANTHROPIC_BASE_URL`: the model's API that agent sessions use. */
  anthropic: { apiKey: string | undefined; baseUrl: string | undefined }
  projects: ReadonlyMap<string, Project>
  tools: ReadonlyMap<string, Tool>
  concurrency: { job: number; session: number; execution: number }
  sandbox: { mode: 'auto' | 'required' | 'off'; read: readonly string[] }
  http: {
    hosts: readonly string[]
    trustProxy: boolean
    cors: { origins: readonly string[] }
    compressStreams: boolean
  }
  limits: {
    streamsPerUser: number
    streamsPerAddress: number
    streams: number
    startsPerMinute: number
    loginsPerMinute: number
    bodyBytes: number
    eventBytes: number
  }
  /** Runs that were over so many days ago are deleted; `events`: of every other log only the newest are kept. */
  retention: { days: number; events?: number | undefined }
  /** The sections below are undefined when the file does not have them. */
  policy?: PolicySettings | undefined
  agent?: AgentSettings | undefined
  models?: ReadonlyMap<string, ModelSettings> | undefined
  realtime?: { publicTopics: readonly string[] } | undefined
  auth?: { jwt?: JwtSettings | undefined } | undefined
  /** What is legal and yet worth a line at the start, for people. */
  warnings: readonly string[]
}

/** Either `jwksUrl` or `secret` is there. */
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
  /** Undefined: people are asked where they may be, else it is allowed. */
  unreadableBash?: 'allow' | 'ask' | 'deny' | undefined
  /** How long a person has to answer before it is a denial. */
  approvalSeconds: number
}

/** Options of the agent SDK that are data, passed through as they are. */
export interface AgentSettings {
  maxTurns?: number | undefined
  maxBudgetUsd?: number | undefined
  /** Ours: a session whose process says nothing for so long, with nothing under way, is ended. */
  stallSeconds?: number | undefined
  /** Ours: of a session with all its tools. */
  limits?: { memoryBytes?: number | undefined; processes?: number | undefined } | undefined
  [option: string]: unknown
}

interface ModelSettings {
  provider: 'openai-compatible' | 'anthropic'
  /** Undefined: the provider's own address. */
  baseUrl?: string | undefined
  /** The model's name at the provider. */
  model: string
  /** The environment variable that holds the key: a key itself is never in the file. */
  apiKeyEnv?: string | undefined
}
