/** Bodies of the native face, as a client writes and reads them (docs/protocol.md#3-runs). */
import type { LogEvent } from './events.ts'
import type { FormValues } from './forms.ts'
import type { AttachmentType, Message, MessageMode } from './messages.ts'
import type { Run, RunKind, RunOutcome, RunState } from './runs.ts'
import type { ApprovalSource, OpenQuestion } from './sessions.ts'

/** `POST /api/runs` for a job: a tool of the configuration, run in a project. */
export interface StartJobBody {
  kind: 'job'
  project: string
  tool: string
  /** Values for the arguments that the tool declares. */
  args?: Record<string, string> | undefined
}

/** `POST /api/runs` for an agent session. */
export interface StartSessionBody {
  kind: 'session'
  project: string
  /** What the agent is to do. 262,144 characters at most, and not blank. */
  prompt: string
  /** Where in the project it works, relative to the project or absolute. Default: the project itself. */
  cwd?: string | undefined
  /** Name of a model at the provider. Default: the SDK's own choice. */
  model?: string | undefined
  /** May people be asked? Default: as the configuration says. */
  approvals?: 'on' | 'off' | undefined
  /** May its agent put questions to people that are not about permission? Default: off. */
  questions?: 'on' | 'off' | undefined
  /** Stays open between its turns and waits for messages. Default: false. */
  interactive?: boolean | undefined
  /** How long an interactive session waits for a message before it completes. Default: 900. */
  idleSeconds?: number | undefined
  /** An agent of the configuration. Default: `claude`, the built-in one. */
  agent?: string | undefined
  /** Works in a git worktree of the project: a new one, or that of a branch, which is made where there is none. */
  worktree?: true | string | undefined
}

/** What an execution may use. The configuration sets what applies to the absent ones, and bounds the others. */
export interface ExecutionLimitsBody {
  /** Steps of the model. */
  iterations?: number | undefined
  /** Of all steps together, input and output. */
  tokens?: number | undefined
  seconds?: number | undefined
  /** Refused for a model whose price is unknown. */
  usd?: number | undefined
}

/** `POST /api/runs` for an agent that plans, works through its phases with tools, and reports. */
export interface StartExecutionBody {
  kind: 'execution'
  /** Default: the only one. */
  project?: string | undefined
  /** What the agent is to do. 262,144 characters at most, and not blank. */
  task: string
  /** What it should know besides the task: a text, or values by name. */
  context?: string | Record<string, unknown> | undefined
  /** `claude`, `anthropic:<model>`, `openai:<model>`, `google:<model>`, `openai-compatible:<entry>`, `acp:<agent>`. Default: `claude`. */
  model?: string | undefined
  limits?: ExecutionLimitsBody | undefined
  /** May people be asked? Default: as the configuration says. */
  approvals?: 'on' | 'off' | undefined
}

/** `POST /api/runs` for work that another program does; it sends the events. */
export interface StartExternalBody {
  kind: 'external'
  /** What the work is, for people. */
  title: string
  project?: string | undefined
  /** How long the producer may be silent before the run counts as interrupted. Default: 900. */
  leaseSeconds?: number | undefined
}

/** `POST /api/runs`: one member for each kind that this server can start. */
export type StartRunBody = StartJobBody | StartSessionBody | StartExecutionBody | StartExternalBody

/** `POST /api/runs/:id/events`: a batch of a program outside the server. */
export interface ProduceBody {
  /** 1,000 at most. None: a sign of life. */
  events: { type: string; data?: unknown }[]
  /** Who counts these batches. Without one, a repeated batch is appended again. */
  producer?: string | undefined
  /** A newer one fences the older ones. Default: 0. */
  epoch?: number | undefined
  /** Number of the batch, from 0 in each epoch. Given together with `producer`. */
  seq?: number | undefined
}

export interface ProducedResponse {
  firstSeq: number
  /** One less than `firstSeq` when the batch had no events. */
  lastSeq: number
  /** The batch took effect before, and this is what it was answered then. */
  duplicate: boolean
}

/** `POST /api/runs/:id/finish`. */
export interface FinishRunBody {
  state: 'completed' | 'errored'
  result?: unknown
  error?: string | { message: string; code?: string | undefined } | undefined
  /** Of the work, in milliseconds. Default: since the run's start. For `completed` only, as `tokensUsed`. */
  duration?: number | undefined
  tokensUsed?: number | undefined
}

export interface RunTokenResponse {
  token: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** `POST /api/runs/:id/fork`. */
export interface ForkRunBody {
  /** `seq` of the last event that belongs to the fork. Default: all of the conversation so far. */
  at?: number | undefined
  /** What the agent is to do next. */
  prompt: string
  /** Where it works: a new worktree, or that of a branch. Default: a new one if the session works in one, else the project. */
  worktree?: true | string | undefined
}

/** `POST /api/runs/:id/resume`. The whole body may be absent. */
export interface ResumeRunBody {
  /** Default: that the agent was interrupted and is to continue. */
  prompt?: string | undefined
}

/** `POST /api/runs/:id/messages`. */
export interface SendMessageBody {
  /** 262,144 characters at most, and not blank. */
  text: string
  /** Default: `queue`. */
  mode?: MessageMode | undefined
  /** 8 at most, of 4 MiB together. */
  attachments?: AttachmentBody[] | undefined
}

export interface AttachmentBody {
  /** Of the file, without folders. */
  name: string
  mediaType: AttachmentType
  /** Base64. */
  data: string
}

export interface SentMessageResponse {
  messageId: string
}

/** `GET /api/runs/:id/messages`: those that are not delivered, oldest first. */
export interface MessagesResponse {
  messages: Message[]
}

export interface MessageResponse {
  message: Message
}

/** `POST /api/runs/:id/approvals/:approvalId`. */
export interface AnswerApprovalBody {
  decision: 'allow' | 'deny'
  /** The agent receives it with a denial. 4,096 characters at most. */
  message?: string | undefined
  /** Runs instead of the input that was asked about, if the policy does not deny it. Only with `allow`. */
  updatedInput?: Record<string, unknown> | undefined
  /** The answer to a form, which needs it with `allow`, and is the only question that takes it. */
  values?: FormValues | undefined
  /** `run`: calls of exactly this kind need no further answer in this run. Only with `allow`. Default: `once`. */
  scope?: 'once' | 'run' | undefined
}

export interface ApprovalResponse {
  /** The answer that counts. */
  approval: {
    approvalId: string
    decision: 'allow' | 'deny'
    by: ApprovalSource
    user?: string | undefined
    message?: string | undefined
    updatedInput?: Record<string, unknown> | undefined
    values?: FormValues | undefined
    scope?: 'run' | undefined
  }
}

/** `GET /api/approvals`: the questions of the caller's runs that are open; an admin's, those of all runs. */
export interface OpenApprovalsResponse {
  /** The one that expires first stands first. */
  approvals: OpenQuestion[]
}

export interface RunResponse {
  run: Run
}

/** The query of `GET /api/runs`. */
export interface ListRunsQuery {
  kind?: RunKind | undefined
  state?: RunState | undefined
  outcome?: RunOutcome | undefined
  project?: string | undefined
  /** Only runs of this user: for admins, who see everybody's. */
  owner?: string | undefined
  /** Text in the title, the tool, the prompt or the id, whatever its case. 200 characters at most. */
  q?: string | undefined
  /** 1 to 200. Default: 50. */
  limit?: number | undefined
  /** `nextCursor` of the page before. */
  cursor?: string | undefined
}

export interface ListRunsResponse {
  runs: Run[]
  nextCursor: string | null
}

/** One page of a log as JSON. `closed` is true when the terminal event is in the log. */
export interface EventsPage {
  events: LogEvent[]
  head: number
  closed: boolean
  epoch: string
  /** Of a search: the last event that was looked at. At `head`, the search is complete. */
  searchedTo?: number | undefined
}

/** `POST /api/admin/prune`. What is absent is as configured. */
export interface PruneBody {
  /** Delete runs that ended this many days ago or earlier. */
  days?: number | undefined
  /** Of every other log keep this many events, the newest. */
  events?: number | undefined
  /** Count, and change nothing. */
  dryRun?: boolean | undefined
}

export interface PruneResponse {
  runs: number
  events: number
  /** Freed on the disk. Absent after a dry run. */
  bytes?: number | undefined
}

/** `POST /api/admin/tokens`. */
export interface CreateTokenBody {
  /** Whose runs its holder sees. `admin` is an admin's name. */
  user: string
  admin?: boolean | undefined
  /** How long it is valid. Absent: until it is revoked. */
  ttlSeconds?: number | undefined
}

/** A token without its secret. Times are milliseconds since the epoch. */
export interface TokenRecord {
  id: string
  user: string
  admin: boolean
  createdAt: number
  expiresAt: number | null
  revokedAt: number | null
}

export interface TokensResponse {
  /** Newest first. */
  tokens: TokenRecord[]
}

/** The only answer that holds the secret. */
export interface CreatedTokenResponse extends TokenRecord {
  token: string
}

/** An agent that a session may name. */
export interface OfferedAgent {
  name: string
  /** `claude`: the built-in one. `acp`: a program that speaks the Agent Client Protocol. */
  kind: 'claude' | 'acp'
  /** Does it ask before it changes something, where approvals are on? Null: not known. The sandbox bounds it anyway. */
  asks: boolean | null
  /** Can a session of it be started? */
  available: boolean
  /** Why not, for a person. */
  reason?: string | undefined
}

/** `GET /api/agents`. */
export interface AgentsResponse {
  /** The built-in one first. */
  agents: OfferedAgent[]
}

export interface ProjectsResponse {
  projects: { id: string }[]
  /** Agent sessions. Absent where the server has none. */
  agent?:
    | {
        /** Can one be started? */
        available: boolean
        /** True when the scripted demo model answers instead of an AI. */
        demo: boolean
        /** Why none can be started, for a person. */
        reason?: string | undefined
      }
    | undefined
}

export interface ToolsResponse {
  tools: {
    id: string
    title: string
    projects: string[]
    args: { name: string; required: boolean }[]
    /** What its jobs reach: the network of the server's machine, nothing, the internet, or these destinations. */
    network: boolean | 'internet' | string[]
    timeoutSeconds: number | null
  }[]
}
