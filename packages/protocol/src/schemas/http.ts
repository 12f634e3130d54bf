/**
 * Bodies of the native face (docs/protocol.md#3-runs) as zod schemas. `satisfies` holds each to the interface that
 * clients see, which says what the fields mean.
 */
import { z } from 'zod'
import type { RunChangesResponse } from '#changes'
import { attachmentTypes, type Message, messageModes, messageStates } from '#messages'
import type {
  AgentsResponse,
  AnswerApprovalBody,
  ApprovalResponse,
  CreatedTokenResponse,
  CreateTokenBody,
  EventsPage,
  ExecutionLimitsBody,
  FinishRunBody,
  ForkRunBody,
  ListRunsQuery,
  ListRunsResponse,
  MessageResponse,
  MessagesResponse,
  OpenApprovalsResponse,
  ProduceBody,
  ProducedResponse,
  ProjectsResponse,
  PruneBody,
  PruneResponse,
  ResumeRunBody,
  RunResponse,
  RunTokenResponse,
  SendMessageBody,
  SentMessageResponse,
  StartExecutionBody,
  StartExternalBody,
  StartJobBody,
  StartRunBody,
  StartSessionBody,
  TokenRecord,
  TokensResponse,
  ToolsResponse,
} from '#requests'
import { runKinds, runOutcomes, runStates } from '#runs'
import { form, formValues } from './forms.ts'
import { fileChangeSchema, logEventSchema, runSchema } from './records.ts'

const name = z.string().min(1).max(255)

/** `POST /api/runs` for a job: a tool of the configuration, run in a project. */
export const startJobBody = z.strictObject({
  kind: z.literal('job'),
  project: name,
  tool: name,
  /** Values for the arguments the tool declares. */
  args: z.record(z.string(), z.string().max(4096)).optional(),
}) satisfies z.ZodType<StartJobBody>

/** The task of an agent. */
export const promptText = z
  .string()
  .max(262_144)
  .refine((prompt) => prompt.trim() !== '', { error: 'a text that is not blank' })

const worktree = z.union(
  [z.literal(true), z.string().min(1).max(200)],
  'expected true, or the name of a branch',
)

/** `POST /api/runs` for an agent session. */
export const startSessionBody = z.strictObject({
  kind: z.literal('session'),
  project: name,
  prompt: promptText,
  /** The working directory in the project, relative to it or absolute. Default: the project itself. */
  cwd: z.string().min(1).max(4096).optional(),
  /** Name of a model at the provider. Default: the SDK chooses. */
  model: z.string().min(1).max(255).optional(),
  /** Whether people may be asked. Default: as configured. */
  approvals: z.enum(['on', 'off']).optional(),
  /** Whether the agent may put questions to people that are not about permission. Default: off. */
  questions: z.enum(['on', 'off']).optional(),
  /** Stays open between its turns and waits for messages. Default: false. */
  interactive: z.boolean().optional(),
  /** How long an interactive session waits for a message before it completes. Default: 900. */
  idleSeconds: z.int().min(1).max(86_400).optional(),
  /** An agent of the configuration. Default: the built-in one. */
  agent: z.string().min(1).max(64).optional(),
  /** A git worktree of the project: a new one, or that of a branch. */
  worktree: worktree.optional(),
}) satisfies z.ZodType<StartSessionBody>

/** What a model may use at most. */
export const executionLimits = z.strictObject({
  iterations: z.int().min(1).optional(),
  tokens: z.int().min(1).optional(),
  seconds: z.number().positive().optional(),
  usd: z.number().positive().optional(),
}) satisfies z.ZodType<ExecutionLimitsBody>

/** Besides the task: a text, or values by name. */
export const executionContext = z.union(
  [z.string().max(262_144), z.record(z.string(), z.json())],
  'a text of at most 262144 characters, or an object',
)

/** `POST /api/runs` for an agent that plans, works through its phases with tools, and reports. */
export const startExecutionBody = z.strictObject({
  kind: z.literal('execution'),
  /** Default: the only project. */
  project: name.optional(),
  task: promptText,
  context: executionContext.optional(),
  /** Which model, and so which engine. */
  model: z.string().min(1).max(255).optional(),
  limits: executionLimits.optional(),
  /** Whether people may be asked. Default: as configured. */
  approvals: z.enum(['on', 'off']).optional(),
}) satisfies z.ZodType<StartExecutionBody>

export const startExternalBody = z.strictObject({
  kind: z.literal('external'),
  title: z.string().min(1).max(255),
  project: name.optional(),
  leaseSeconds: z.int().min(1).max(604_800).optional(),
}) satisfies z.ZodType<StartExternalBody>

const producerName = z.string().regex(/^[\w:./-]{1,128}$/, '1 to 128 letters, digits and :._/-')

export const produceBody = z.strictObject({
  events: z.array(z.strictObject({ type: z.string(), data: z.unknown().optional() })).max(1000),
  producer: producerName.optional(),
  epoch: z.int().nonnegative().optional(),
  seq: z.int().nonnegative().optional(),
}) satisfies z.ZodType<ProduceBody>

export const producedResponse = z.object({
  firstSeq: z.int(),
  lastSeq: z.int(),
  duplicate: z.boolean(),
}) satisfies z.ZodType<ProducedResponse>

const producerError = z.strictObject({ message: z.string().max(4096), code: z.string().max(64).optional() })

export const finishRunBody = z.strictObject({
  state: z.enum(['completed', 'errored']),
  result: z.unknown().optional(),
  error: z.union([z.string().max(4096), producerError]).optional(),
  duration: z.number().nonnegative().optional(),
  tokensUsed: z.int().nonnegative().optional(),
}) satisfies z.ZodType<FinishRunBody>

export const runTokenResponse = z.object({
  token: z.string(),
  expiresAt: z.int(),
}) satisfies z.ZodType<RunTokenResponse>

/** `POST /api/runs`: one member for each kind that this server can start. */
export const startRunBody = z.discriminatedUnion('kind', [
  startJobBody,
  startSessionBody,
  startExecutionBody,
  startExternalBody,
]) satisfies z.ZodType<StartRunBody>

/** `POST /api/runs/:id/fork`. */
export const forkRunBody = z.strictObject({
  at: z.int().min(1).optional(),
  prompt: promptText,
  worktree: worktree.optional(),
}) satisfies z.ZodType<ForkRunBody>

/** `POST /api/runs/:id/resume`; the body may be absent. */
export const resumeRunBody = z.strictObject({
  /** Default: a sentence that tells the agent how its session ended, and to continue. */
  prompt: promptText.optional(),
}) satisfies z.ZodType<ResumeRunBody>

const attachmentBody = z.strictObject({
  /** Of the file, without folders. */
  name: z.string().regex(/^[^/\\\p{Cc}]{1,255}$/u, 'the name of a file, without folders'),
  mediaType: z.enum(attachmentTypes),
  /** Base64. All of a message together are 4 MiB at most. */
  data: z.string(),
})

/** `POST /api/runs/:id/messages`. */
export const sendMessageBody = z.strictObject({
  text: promptText,
  mode: z.enum(messageModes).optional(),
  attachments: z.array(attachmentBody).max(8, 'at most 8 attachments').optional(),
}) satisfies z.ZodType<SendMessageBody>

export const sentMessageResponse = z.object({ messageId: z.uuid() }) satisfies z.ZodType<SentMessageResponse>

const message = z.object({
  id: z.uuid(),
  mode: z.enum(messageModes),
  text: z.string(),
  user: z.string(),
  at: z.int(),
  state: z.enum(messageStates),
  attachments: z
    .array(
      z.object({ name: z.string(), mediaType: z.enum(attachmentTypes), bytes: z.int(), sha256: z.string() }),
    )
    .optional(),
}) satisfies z.ZodType<Message>

export const messagesResponse = z.object({ messages: z.array(message) }) satisfies z.ZodType<MessagesResponse>

export const messageResponse = z.object({ message }) satisfies z.ZodType<MessageResponse>

/** `POST /api/runs/:id/approvals/:approvalId`. */
export const answerApprovalBody = z
  .strictObject({
    decision: z.enum(['allow', 'deny']),
    /** The agent receives it with a denial. */
    message: z.string().max(4096).optional(),
    /** Runs instead of the input that was asked about, if the policy does not deny it. */
    updatedInput: z.record(z.string(), z.unknown()).optional(),
    /** The answer to a form, which needs it with `allow`. */
    values: formValues.optional(),
    /** `run`: calls of exactly this kind need no further answer in this run. */
    scope: z.enum(['once', 'run']).optional(),
  })
  .superRefine(({ decision, updatedInput, values, scope }, context) => {
    if (decision === 'allow') return
    const message = 'absent: only an approval has it'
    if (updatedInput !== undefined) context.addIssue({ code: 'custom', path: ['updatedInput'], message })
    if (values !== undefined) context.addIssue({ code: 'custom', path: ['values'], message })
    if (scope === 'run') context.addIssue({ code: 'custom', path: ['scope'], message })
  }) satisfies z.ZodType<AnswerApprovalBody>

/** The answer that counts. */
export const approvalResponse = z.object({
  approval: z.object({
    approvalId: z.uuid(),
    decision: z.enum(['allow', 'deny']),
    by: z.enum(['person', 'expiry', 'withdrawn']),
    user: z.string().optional(),
    message: z.string().optional(),
    updatedInput: z.record(z.string(), z.unknown()).optional(),
    values: formValues.optional(),
    scope: z.literal('run').optional(),
  }),
}) satisfies z.ZodType<ApprovalResponse>

/** `GET /api/approvals`. */
export const openApprovalsResponse = z.object({
  approvals: z.array(
    z.object({
      runId: z.uuid(),
      approvalId: z.uuid(),
      toolUseId: z.string(),
      tool: z.string(),
      input: z.unknown(),
      reason: z.string(),
      expiresAt: z.int(),
      agentId: z.string().optional(),
      form: form.optional(),
    }),
  ),
}) satisfies z.ZodType<OpenApprovalsResponse>

export const runResponse = z.object({ run: runSchema }) satisfies z.ZodType<RunResponse>

export const listRunsQuery = z.strictObject({
  kind: z.enum(runKinds).optional(),
  state: z.enum(runStates).optional(),
  outcome: z.enum(runOutcomes).optional(),
  project: name.optional(),
  /** Only runs of this user: for admins, who see everybody's. */
  owner: z.string().min(1).max(255).optional(),
  /** Text in the title, the tool, the prompt or the id, whatever its case. */
  q: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `nextCursor` of the page before. */
  cursor: z.string().max(200).optional(),
}) satisfies z.ZodType<ListRunsQuery>
export const listRunsResponse = z.object({
  runs: z.array(runSchema),
  nextCursor: z.string().nullable(),
}) satisfies z.ZodType<ListRunsResponse>

/** One page of a log as JSON. `closed` is true when the terminal event is in the log. */
export const eventsPage = z.object({
  events: z.array(logEventSchema),
  head: z.int().nonnegative(),
  closed: z.boolean(),
  epoch: z.string(),
  searchedTo: z.int().nonnegative().optional(),
}) satisfies z.ZodType<EventsPage>

/** `POST /api/admin/prune`: what is absent is as it is configured. */
export const pruneBody = z.strictObject({
  /** Runs that were over this many days ago go. */
  days: z.number().nonnegative().max(36_500).optional(),
  /** Of every other log this many events are kept, the newest. */
  events: z.int().min(1).optional(),
  /** Count, and change nothing. */
  dryRun: z.boolean().optional(),
}) satisfies z.ZodType<PruneBody>
/** `bytes` is what the disk has back; absent after a dry run. */
export const pruneResponse = z.object({
  runs: z.int(),
  events: z.int(),
  bytes: z.int().optional(),
}) satisfies z.ZodType<PruneResponse>

/** `POST /api/admin/tokens`. */
export const createTokenBody = z.strictObject({
  user: z.string(),
  admin: z.boolean().optional(),
  ttlSeconds: z.int().min(1).max(3_153_600_000).optional(),
}) satisfies z.ZodType<CreateTokenBody>

const tokenRecord = z.object({
  id: z.string(),
  user: z.string(),
  admin: z.boolean(),
  createdAt: z.int(),
  expiresAt: z.int().nullable(),
  revokedAt: z.int().nullable(),
}) satisfies z.ZodType<TokenRecord>

export const tokensResponse = z.object({ tokens: z.array(tokenRecord) }) satisfies z.ZodType<TokensResponse>

export const createdTokenResponse = tokenRecord.extend({
  token: z.string(),
}) satisfies z.ZodType<CreatedTokenResponse>

export const projectsResponse = z.object({
  projects: z.array(z.object({ id: z.string() })),
  /** Agent sessions; absent where the server has none. */
  agent: z
    .object({
      /** Can one be started? */
      available: z.boolean(),
      /** True when the scripted demo model answers instead of an AI. */
      demo: z.boolean(),
      /** Why none can be started, for a person. */
      reason: z.string().optional(),
    })
    .optional(),
}) satisfies z.ZodType<ProjectsResponse>

export const agentsResponse = z.object({
  agents: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['claude', 'acp']),
      asks: z.boolean().nullable(),
      available: z.boolean(),
      reason: z.string().optional(),
    }),
  ),
}) satisfies z.ZodType<AgentsResponse>

export const toolsResponse = z.object({
  tools: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      projects: z.array(z.string()),
      args: z.array(z.object({ name: z.string(), required: z.boolean() })),
      network: z.union([z.boolean(), z.literal('internet'), z.array(z.string())]),
      timeoutSeconds: z.number().nullable(),
    }),
  ),
}) satisfies z.ZodType<ToolsResponse>

/** `GET /api/runs/:id/changes`. */
export const runChangesResponse = z.object({
  files: z.array(fileChangeSchema),
  filesLeftOut: z.int(),
  commands: z.array(
    z.object({
      command: z.string(),
      status: z.enum(['running', 'ok', 'error', 'denied', 'cancelled']),
      exitCode: z.int().nullable(),
    }),
  ),
  commandsLeftOut: z.int(),
  costUsd: z.number().nullable(),
  complete: z.boolean(),
}) satisfies z.ZodType<RunChangesResponse>
