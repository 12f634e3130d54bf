/** Bodies of the native face (contract section 2). */
import { z } from 'zod'
import { logEventSchema } from './events.ts'
import { runKinds, runSchema, runStates } from './runs.ts'

const name = z.string().min(1).max(255)

/** `POST /api/runs` for a job: a tool of the configuration, run in a project. */
export const startJobBody = z.strictObject({
  kind: z.literal('job'),
  project: name,
  tool: name,
  /** Values for the arguments the tool declares. */
  args: z.record(z.string(), z.string().max(4096)).optional(),
})
export type StartJobBody = z.infer<typeof startJobBody>

/** What an agent is told to do. */
export const promptText = z
  .string()
  .max(262_144)
  .refine((prompt) => prompt.trim() !== '', { error: 'a text that is not blank' })

/** `POST /api/runs` for an agent session. */
export const startSessionBody = z.strictObject({
  kind: z.literal('session'),
  project: name,
  prompt: promptText,
  /** Where in the project it works, relative to it or absolute; the project itself unless told. */
  cwd: z.string().min(1).max(4096).optional(),
  /** Name of a model at the provider; the SDK's own choice unless told. */
  model: z.string().min(1).max(255).optional(),
  /** May people be asked? As the configuration says unless told. */
  approvals: z.enum(['on', 'off']).optional(),
})
export type StartSessionBody = z.infer<typeof startSessionBody>

/** `POST /api/runs`: one member a kind this server can run. */
export const startRunBody = z.discriminatedUnion('kind', [startJobBody, startSessionBody])
export type StartRunBody = z.infer<typeof startRunBody>

/** `POST /api/runs/:id/resume`; may be left out as a whole. */
export const resumeRunBody = z.strictObject({
  /** What the agent is told; that it was interrupted and is to go on, unless told otherwise. */
  prompt: promptText.optional(),
})
export type ResumeRunBody = z.infer<typeof resumeRunBody>

/** `POST /api/runs/:id/approvals/:approvalId`. */
export const answerApprovalBody = z.strictObject({
  decision: z.enum(['allow', 'deny']),
  /** The agent is told with a denial. */
  message: z.string().max(4096).optional(),
})
export type AnswerApprovalBody = z.infer<typeof answerApprovalBody>

/** The answer that counts. */
export const approvalResponse = z.object({
  approval: z.object({
    approvalId: z.uuid(),
    decision: z.enum(['allow', 'deny']),
    by: z.enum(['person', 'expiry', 'withdrawn']),
    user: z.string().optional(),
    message: z.string().optional(),
  }),
})

export const runResponse = z.object({ run: runSchema })

export const listRunsQuery = z.strictObject({
  kind: z.enum(runKinds).optional(),
  state: z.enum(runStates).optional(),
  project: name.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `nextCursor` of the page before. */
  cursor: z.string().max(200).optional(),
})
export const listRunsResponse = z.object({ runs: z.array(runSchema), nextCursor: z.string().nullable() })

/** One page of a log as JSON. `closed` is true when the terminal event is in the log. */
export const eventsPage = z.object({
  events: z.array(logEventSchema),
  head: z.int().nonnegative(),
  closed: z.boolean(),
  epoch: z.string(),
})

/** `POST /api/admin/prune`: what is absent is as it is configured. */
export const pruneBody = z.strictObject({
  /** Runs that were over this many days ago go. */
  days: z.number().nonnegative().max(36_500).optional(),
  /** Of every other log this many events are kept, the newest. */
  events: z.int().min(1).optional(),
  /** Count, and change nothing. */
  dryRun: z.boolean().optional(),
})
/** `bytes` is what the disk has back; absent after a dry run. */
export const pruneResponse = z.object({ runs: z.int(), events: z.int(), bytes: z.int().optional() })

export const projectsResponse = z.object({
  projects: z.array(z.object({ id: z.string() })),
  /** Agent sessions; absent where the server has none. */
  agent: z
    .object({
      /** Can one be started? */
      available: z.boolean(),
      /** True when the scripted demo model answers, and no AI. */
      demo: z.boolean(),
      /** Why none can be started, for a person. */
      reason: z.string().optional(),
    })
    .optional(),
})

export const toolsResponse = z.object({
  tools: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      projects: z.array(z.string()),
      args: z.array(z.object({ name: z.string(), required: z.boolean() })),
      network: z.boolean(),
      timeoutSeconds: z.number().nullable(),
    }),
  ),
})
