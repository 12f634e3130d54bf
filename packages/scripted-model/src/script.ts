/**
 * A script: what the stand-in answers, and when. This file defines it. Its words are those of the
 * Messages API where that has one (`tool_use`, `stop_reason`, `overloaded_error`), whatever the wire
 * format of the request.
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

/** A plain text is searched for as it is; a regex may capture, and its captures fill `{{match.…}}`. */
const patternSchema = z.union([z.string(), regexSchema], {
  error: (issue) =>
    typeof issue.input === 'object' ? 'not a regular expression' : 'expected a text or {"regex": "…"}',
})
export type Pattern = z.output<typeof patternSchema>

/** Every condition given must hold. Without any, the step always holds. */
const whenSchema = z.strictObject({
  /** 1 for the first answer of a conversation. Answers before a resume count too. */
  turn: z.int().min(1).optional(),
  /** In the newest prompt, that is, what a person wrote last, whatever tools ran since. */
  prompt: patternSchema.optional(),
  /** In the last message, which must be a prompt, not the result of a tool. */
  text: patternSchema.optional(),
  /** The last message has a result of this tool, with this text, failed or not. */
  toolResult: z
    .strictObject({
      tool: z.string().optional(),
      text: patternSchema.optional(),
      isError: z.boolean().optional(),
    })
    .optional(),
  /** In the system prompt. Distinguishes a subagent or an auxiliary request from the session itself. */
  system: patternSchema.optional(),
  /** In the name of the requested model. */
  model: patternSchema.optional(),
  /** The request's JSON has more characters than this. */
  longerThan: z.int().min(0).optional(),
})
export type When = z.output<typeof whenSchema>

const pace = {
  /** Milliseconds before each delta. */
  pauseMs: z.number().min(0).max(3_600_000).optional(),
  /** Characters per delta. */
  deltaChars: z.int().min(1).optional(),
  /** Each delta waits for one `release()` of this name. */
  hold: z.string().min(1).optional(),
}

/** A list sets the deltas exactly. */
const pieces = z.union([z.string(), z.array(z.string()).min(1)], {
  error: 'expected a text or a list of texts',
})

const blockSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: pieces, ...pace }),
  z.strictObject({ type: z.literal('thinking'), thinking: pieces, ...pace }),
  z.strictObject({
    type: z.literal('tool_use'),
    name: z.string().min(1),
    /** Default: a new id. Some servers repeat theirs in every answer. */
    id: z.string().min(1).optional(),
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

/** What goes wrong, after so many frames of the stream (0: before any answer). */
const troubleSchema = z.discriminatedUnion('kind', [
  /** Sends nothing more and keeps the connection open. */
  z.strictObject({ kind: z.literal('stall'), afterEvents: z.int().min(0) }),
  /** Resets the connection. */
  z.strictObject({ kind: z.literal('cut'), afterEvents: z.int().min(0) }),
  /** Sends bytes that are no event, then ends. */
  z.strictObject({
    kind: z.literal('garbage'),
    afterEvents: z.int().min(0),
    bytes: z.base64().optional(),
  }),
  /** Sends an error inside the stream, then ends. */
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

/**
 * The errors, and the HTTP status of each in the Messages API. The other formats use their own words.
 * `context_overflow` is no name of any API: each says in its own way that a request is too long.
 */
export const errorStatus = {
  invalid_request_error: 400,
  context_overflow: 400,
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
  /** Additional response headers, such as `x-should-retry`. */
  headers: z.record(z.string(), z.string()).optional(),
})
export type ErrorReply = z.output<typeof errorReplySchema>

const replySchema = z.discriminatedUnion('error', [messageReplySchema, errorReplySchema])

const stepSchema = z.strictObject({
  name: z.string().min(1).optional(),
  when: whenSchema.default({}),
  /** How often it answers. It is skipped from then on. */
  times: z.int().min(1).optional(),
  reply: replySchema,
})

const scriptSchema = z.strictObject({
  name: z.string().min(1),
  /** The first words of every conversation's first answer. */
  announce: z.string().min(1).optional(),
  /** The model named in answers. Default: the requested one. */
  model: z.string().min(1).optional(),
  /** Defaults for blocks without a pace of their own. */
  pauseMs: pace.pauseMs,
  deltaChars: pace.deltaChars,
  /** The first step that holds answers. */
  steps: z.array(stepSchema).min(1),
})

/** A script as its author writes it. */
export type Script = z.input<typeof scriptSchema>
export type Step = z.input<typeof stepSchema>
export type Reply = z.input<typeof replySchema>
/** A script after validation. */
export type ReadyScript = z.output<typeof scriptSchema>
export type ReadyStep = ReadyScript['steps'][number]

/** The script is invalid. `problems` has a line for each mistake, which names its step. */
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

/** Reads a script from a file. @throws ScriptError, also if the file cannot be read or is not JSON. */
export function loadScript(path: string): ReadyScript {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ScriptError(path, [(error as Error).message], { cause: error })
  }
  return parseScript(content, path)
}

/** Returns what people call a step: its number, and its name if it has one. */
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
