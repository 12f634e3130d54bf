/**
 * A script: what the stand-in answers, and when. This file is the format; its words follow the
 * Messages API where it has a word for the thing (`tool_use`, `stop_reason`, `overloaded_error`).
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { unknownPlaceholders } from './template.ts'

const regexSchema = z
  .strictObject({ regex: z.string(), flags: z.string().optional() })
  .superRefine(({ regex, flags }, context) => {
    try {
      new RegExp(regex, flags)
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message, input: regex })
    }
  })

/** A text is looked for as it stands; a regex may capture, and its captures fill `{{match.…}}`. */
const patternSchema = z.union([z.string(), regexSchema], {
  error: (issue) =>
    typeof issue.input === 'object' ? 'not a regular expression' : 'expected a text or {"regex": "…"}',
})
export type Pattern = z.output<typeof patternSchema>

/** All that is given must hold; nothing given holds always. */
const whenSchema = z.strictObject({
  /** 1 for the first answer of a conversation, counting those before a resume. */
  turn: z.int().min(1).optional(),
  /** In the newest prompt: what a person wrote last, whatever tools ran since. */
  prompt: patternSchema.optional(),
  /** In the last message, which must be a prompt and no tool's result. */
  text: patternSchema.optional(),
  /** The last message brings a result of this tool, with this text, failed or not. */
  toolResult: z
    .strictObject({
      tool: z.string().optional(),
      text: patternSchema.optional(),
      isError: z.boolean().optional(),
    })
    .optional(),
  /** In the system prompt: tells a subagent or an auxiliary request from the session itself. */
  system: patternSchema.optional(),
  /** In the name of the model that was asked for. */
  model: patternSchema.optional(),
})
export type When = z.output<typeof whenSchema>

const pace = {
  /** Milliseconds before each delta. */
  pauseMs: z.number().min(0).max(3_600_000).optional(),
  /** Characters a delta carries. */
  deltaChars: z.int().min(1).optional(),
  /** Each delta waits for one `release()` of this name. */
  hold: z.string().min(1).optional(),
}

/** A list gives the deltas exactly. */
const pieces = z.union([z.string(), z.array(z.string()).min(1)], {
  error: 'expected a text or a list of texts',
})

const blockSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: pieces, ...pace }),
  z.strictObject({ type: z.literal('thinking'), thinking: pieces, ...pace }),
  z.strictObject({
    type: z.literal('tool_use'),
    name: z.string().min(1),
    input: z.record(z.string(), z.json()),
    ...pace,
  }),
])
export type Block = z.output<typeof blockSchema>

const tokens = z.int().min(0).default(0)
const usageSchema = z.strictObject({
  input_tokens: tokens,
  output_tokens: tokens,
  cache_creation_input_tokens: tokens,
  cache_read_input_tokens: tokens,
})
export type Usage = z.output<typeof usageSchema>

const stopReasons = [
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'pause_turn',
  'refusal',
  'model_context_window_exceeded',
] as const

/** What goes wrong on the way, after so many events of the stream (0: before anything is answered). */
const troubleSchema = z.discriminatedUnion('kind', [
  /** Nothing more comes, and the connection stays. */
  z.strictObject({ kind: z.literal('stall'), afterEvents: z.int().min(0) }),
  /** The connection is reset. */
  z.strictObject({ kind: z.literal('cut'), afterEvents: z.int().min(0) }),
  /** Bytes that are no event, and the end. */
  z.strictObject({
    kind: z.literal('garbage'),
    afterEvents: z.int().min(0),
    bytes: z.base64().optional(),
  }),
  /** An `error` event inside the stream, and the end. */
  z.strictObject({
    kind: z.literal('error'),
    afterEvents: z.int().min(1),
    error: z.string().default('overloaded_error'),
    message: z.string().optional(),
  }),
])
export type Trouble = z.output<typeof troubleSchema>

const messageReplySchema = z.strictObject({
  error: z.undefined().optional(),
  content: z.array(blockSchema),
  usage: usageSchema.prefault({}),
  /** Default: `tool_use` when the content uses a tool, else `end_turn`. */
  stop_reason: z.enum(stopReasons).optional(),
  trouble: troubleSchema.optional(),
})
export type MessageReply = z.output<typeof messageReplySchema>

/** The errors of the API, and the HTTP status that goes with each. */
export const errorStatus = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
} as const
export type ErrorType = keyof typeof errorStatus

const errorReplySchema = z.strictObject({
  error: z.enum(Object.keys(errorStatus) as [ErrorType, ...ErrorType[]]),
  message: z.string().optional(),
  retryAfterSeconds: z.number().min(0).optional(),
  /** More response headers, such as `x-should-retry`. */
  headers: z.record(z.string(), z.string()).optional(),
})
export type ErrorReply = z.output<typeof errorReplySchema>

const replySchema = z.discriminatedUnion('error', [messageReplySchema, errorReplySchema])

const stepSchema = z.strictObject({
  name: z.string().min(1).optional(),
  when: whenSchema.default({}),
  /** It answers so often and is passed over from then on. */
  times: z.int().min(1).optional(),
  reply: replySchema,
})

const scriptSchema = z.strictObject({
  name: z.string().min(1),
  /** Said first in the first answer of every conversation. */
  announce: z.string().min(1).optional(),
  /** The model that answers say they come from; else the one that was asked for. */
  model: z.string().min(1).optional(),
  /** Milliseconds before each delta, and its characters, where a block does not say. */
  pauseMs: pace.pauseMs,
  deltaChars: pace.deltaChars,
  /** The first one that holds answers. */
  steps: z.array(stepSchema).min(1),
})

/** As an author writes it. */
export type Script = z.input<typeof scriptSchema>
export type Step = z.input<typeof stepSchema>
export type Reply = z.input<typeof replySchema>
/** As it is after validation. */
export type ReadyScript = z.output<typeof scriptSchema>
export type ReadyStep = ReadyScript['steps'][number]

/** A script that is not one; `problems` has a line for everything that is wrong, each naming its step. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
  readonly problems: readonly string[]

  constructor(source: string, problems: readonly string[], options?: ErrorOptions) {
    super(`${source} is not a script:\n${problems.map((line) => `  ${line}`).join('\n')}`, options)
    this.problems = problems
  }
}

/** @throws ScriptError */
export function parseScript(script: unknown, source = 'The script'): ReadyScript {
  const parsed = scriptSchema.safeParse(script)
  if (!parsed.success) {
    throw new ScriptError(
      source,
      parsed.error.issues.map(({ path, message }) => `${place(script, path)}: ${message}`),
    )
  }
  const unknown = parsed.data.steps.flatMap((step, index) =>
    unknownPlaceholders(step.reply).map((name) => `${stepName(step, index)}: {{${name}}} stands for nothing`),
  )
  if (unknown.length > 0) throw new ScriptError(source, unknown)
  return parsed.data
}

/** Reads a script's file. @throws ScriptError, also when the file cannot be read or is no JSON. */
export function loadScript(path: string): ReadyScript {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ScriptError(path, [(error as Error).message], { cause: error })
  }
  return parseScript(content, path)
}

/** A step as people refer to it: by its number, and its name where it has one. */
export function stepName(step: { name?: unknown } | undefined, index: number): string {
  return typeof step?.name === 'string' ? `step ${index + 1} "${step.name}"` : `step ${index + 1}`
}

function place(script: unknown, path: readonly PropertyKey[]): string {
  const [head, index, ...rest] = path
  if (head !== 'steps' || typeof index !== 'number') return path.map(String).join('.') || 'it'
  const steps = (script as { steps: ({ name?: unknown } | undefined)[] }).steps
  return [stepName(steps[index], index), ...(rest.length === 0 ? [] : [rest.map(String).join('.')])].join(
    ', ',
  )
}
