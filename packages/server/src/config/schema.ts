/**
 * The shape of `millrace.config.{ts,js,json}`.
 * Every leaf has a phrase that completes "expected …", so that a problem reads the same whichever check found it.
 */
import { parseDestination } from '@millrace/sandbox'
import { z } from 'zod'
import { agentPresetNames } from './agents/presets.ts'

/**
 * A section of known keys. The message of an unknown key lists the known ones, among which `problems.ts`
 * finds the intended one.
 */
function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? known : 'an object'),
  })
}

function whole(min: number, max: number, unit = '') {
  const expected = `a whole number${unit} from ${min} to ${max}`
  return z.int({ error: expected }).min(min, { error: expected }).max(max, { error: expected })
}

function matching(pattern: RegExp, expected: string) {
  return z.string({ error: expected }).regex(pattern, { error: expected })
}

function listOf<Item extends z.ZodType>(item: Item, of: string) {
  return z.array(item, { error: `a list of ${of}` })
}

function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: values.map((value) => `"${value}"`).join(' or ') })
}

const flag = z.boolean({ error: 'true or false' })
const text = matching(/^[^\0]+$/s, 'a string that is not empty')
const line = matching(/^[^\0\r\n]+$/, 'one line of text')
const topic = line.refine((name) => !/^(?:runs|projects)(?:[/?]|$)|^PB_/.test(name), {
  error: "a topic of your application's own: topics of runs and projects are never public",
})
const argument = matching(/^[^\0]*$/s, 'a string')
export const httpUrl = z
  .string({ error: 'an http(s) address' })
  .refine(isHttpUrl, { error: 'an http(s) address' })

export const redisAddress = 'the address of a Redis or Valkey, such as "redis://cache.example.org:6379"'

/** Where the browsers of today receive messages: Chrome and others, Firefox, Safari, Edge. */
const pushServices =
  'fcm.googleapis.com *.push.services.mozilla.com *.push.apple.com *.notify.windows.com'.split(' ')
const pushService = matching(/^(?:\*\.)?[a-z0-9.:-]+$|^https?:\/\/[^\s/?#@]+$/, 'a host, or an origin')
const contact = matching(/^(?:mailto:[^\s@]+@|https:\/\/)[^\s@]+$/, 'a "mailto:" or "https://" address')

export const postgresAddress =
  'the address of a Postgres database, such as "postgres://millrace@db.example.org/millrace"'

/** The first parts of the paths that are ours: below one of them, `/api/api/runs` would have two meanings. */
export const ownPaths =
  'activity api assets docs healthz login metrics openapi.json push-worker.js readyz runs settings worktrees'.split(
    ' ',
  )

const publicUrlExpected =
  'an http(s) address without user, query and fragment, such as "https://millrace.example.org/mill/"'
const publicUrl = z
  .string({ error: publicUrlExpected })
  .refine(isPublicUrl, { error: publicUrlExpected })
  .refine((value) => !isPublicUrl(value) || !ownPaths.includes(firstPart(value)), {
    error: `an address whose path begins with none of the server's own: /${ownPaths.join(', /')}`,
  })
  .transform((value) => `${new URL(value).origin}${new URL(value).pathname.replace(/\/$/, '')}`)

export const projectId = matching(
  /^[\p{L}\p{N}](?:[\p{L}\p{N}._ -]{0,98}[\p{L}\p{N}._-])?$/u,
  'a project id: 1–100 letters, digits, ".", "_", "-" or spaces, beginning with a letter or digit',
)
export const toolId = matching(
  /^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,199}$/,
  'a tool id: 1–200 of the characters A–Z a–z 0–9 . _ : @ / + -, beginning with a letter or digit',
)
export const argName = matching(
  /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/,
  'the name of an argument: letters, digits, "_" and "-", beginning with a letter or "_"',
)
export const envName = matching(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable')

export const hostName = matching(
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)$/,
  'a host name or IP address, without scheme and port',
)
export const portNumber = whole(0, 65_535)

export const projectSchema = section({ path: text })

const networkExpected = 'true, false, "internet", or a list of destinations such as "registry.npmjs.org:443"'
const destinations = z
  .array(z.string({ error: networkExpected }), { error: networkExpected })
  .min(1, { error: networkExpected })
  .refine((list) => list.every((entry) => parseDestination(entry) !== null), { error: networkExpected })
const networkAccess = z.union([z.boolean(), z.literal('internet'), destinations], { error: networkExpected })

const terminalSide = whole(1, 1000)

const daysExpected = 'a number of days above 0'
const daysSchema = z
  .number({ error: daysExpected })
  .positive({ error: daysExpected })
  .max(36_500, { error: 'at most 36500 days' })

const processLimits = section({
  memoryBytes: whole(1_048_576, Number.MAX_SAFE_INTEGER, ' of bytes').optional(),
  processes: whole(1, 1_000_000).optional(),
})

export const toolSchema = section({
  title: line.optional(),
  command: listOf(argument, 'strings: the program and its arguments').min(1, {
    error: 'a list with at least the program',
  }),
  timeoutSeconds: z
    .number({ error: 'a number of seconds above 0, or null for no limit' })
    .positive({ error: 'a number of seconds above 0, or null for no limit' })
    .max(31_536_000, { error: 'at most a year of seconds' })
    .nullable()
    .optional(),
  network: networkAccess.optional(),
  env: z.record(z.string(), argument, { error: 'an object whose values are strings' }).optional(),
  projects: listOf(text, 'project ids').min(1, { error: 'a list with at least one project' }).optional(),
  args: z.record(z.string(), z.unknown(), { error: 'an object with one entry for each argument' }).optional(),
  limits: section({
    ...processLimits.shape,
    outputBytes: whole(1, Number.MAX_SAFE_INTEGER, ' of bytes').optional(),
  }).optional(),
  allowNestedSandbox: flag.optional(),
  cache: flag.optional(),
  tty: z
    .union(
      [z.boolean(), z.strictObject({ columns: terminalSide.default(120), rows: terminalSide.default(40) })],
      { error: 'true, false, or the columns and rows of a terminal, each from 1 to 1000' },
    )
    .optional(),
})
export type ToolInput = z.infer<typeof toolSchema>

export const argSchema = section({
  required: flag.optional(),
  default: argument.optional(),
  pattern: text.optional(),
  values: listOf(argument, 'strings').min(1, { error: 'a list with at least one value' }).optional(),
})
type ArgInput = z.infer<typeof argSchema>

const agentName =
  'the name of an agent: 1–64 letters, digits, ".", "_" and "-", beginning with a letter or digit'
const variable = 'a string, or {"env": "NAME"} for a variable of the server'

export const agentSchema = section({
  preset: oneOf(agentPresetNames).optional(),
  command: listOf(argument, 'strings: the program and its arguments')
    .min(1, { error: 'a list with at least the program' })
    .optional(),
  env: z
    .record(envName, z.union([argument, z.strictObject({ env: envName })], { error: variable }), {
      error: 'an object whose values are strings or {"env": "NAME"}',
    })
    .optional(),
  network: networkAccess.optional(),
  mode: line.optional(),
  auth: line.optional(),
  read: listOf(matching(/^(\/|~\/)[^\0]*$/s, 'an absolute path'), 'absolute paths').optional(),
  files: z
    .record(
      matching(/^(?!\.{1,2}(\/|$))[^/\0]+(\/(?!\.{1,2}(\/|$))[^/\0]+)*$/, 'a path below the home'),
      z.string({ error: 'a string' }),
      {
        error: (issue) =>
          issue.code === 'invalid_key' ? 'a path below the home' : 'an object: path below the home → content',
      },
    )
    .optional(),
  stallSeconds: whole(1, 86_400, ' of seconds').optional(),
  limits: processLimits.optional(),
})

const modelName =
  'the name of a model: 1–64 letters, digits, ".", "_" and "-", beginning with a letter or digit'
const price = 'a price in US dollars per million tokens: 0 or more'
const dollars = z.number({ error: price }).nonnegative({ error: price })

const slots = whole(1, 10_000)

/** The sections that can be checked by themselves; `projects` and `tools` are read entry by entry. */
export const sectionSchemas = {
  concurrency: section({ job: slots.default(4), session: slots.default(4), execution: slots.default(4) }),
  policy: section({
    allowedTools: listOf(line, 'tool names').optional(),
    approvals: oneOf(['off', 'on']).default('off'),
    unreadableBash: oneOf(['allow', 'ask', 'deny']).optional(),
    approvalSeconds: whole(1, 2_592_000, ' of seconds').default(3600),
    parkAfterSeconds: whole(0, 2_592_000, ' of seconds').default(60),
  }),
  sandbox: section({
    mode: oneOf(['auto', 'required', 'off']).default('auto'),
    rootProjects: flag.default(false),
    read: listOf(matching(/^(\/|~\/)[^\0]*$/s, 'an absolute path'), 'absolute paths').default([]),
    env: z.record(envName, argument, { error: 'an object whose values are strings' }).default({}),
    passEnv: listOf(envName, 'names of environment variables').default([]),
    cache: section({
      maxBytes: whole(0, Number.MAX_SAFE_INTEGER, ' of bytes').default(10_737_418_240),
    }).prefault({}),
    tmpBytes: whole(1_048_576, Number.MAX_SAFE_INTEGER, ' of bytes').default(2_147_483_648),
    homeBytes: whole(1_048_576, Number.MAX_SAFE_INTEGER, ' of bytes').default(2_147_483_648),
  }),
  agent: z
    .object(
      {
        maxTurns: whole(1, 1_000_000).optional(),
        stallSeconds: whole(1, 86_400, ' of seconds').optional(),
        network: networkAccess.optional(),
        limits: processLimits.optional(),
        maxBudgetUsd: z
          .number({ error: 'an amount above 0' })
          .positive({ error: 'an amount above 0' })
          .optional(),
      },
      { error: 'an object' },
    )
    .catchall(z.json({ error: 'data that JSON can hold' })),
  agents: z.record(matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, agentName), agentSchema, {
    error: (issue) => (issue.code === 'invalid_key' ? agentName : 'an object with one entry for each agent'),
  }),
  models: z.record(
    matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, modelName),
    section({
      provider: oneOf(['openai-compatible', 'anthropic', 'openai', 'google']),
      baseUrl: httpUrl.optional(),
      model: line.optional(),
      apiKeyEnv: envName.optional(),
      api: oneOf(['responses', 'chat']).optional(),
      price: section({
        input: dollars,
        output: dollars,
        cacheRead: dollars.optional(),
        cacheWrite: dollars.optional(),
        cacheWriteHour: dollars.optional(),
      }).optional(),
      contextTokens: whole(1024, 1_000_000_000, ' of tokens').optional(),
      outputTokensMax: whole(256, 10_000_000, ' of tokens').optional(),
    })
      .refine((model) => model.provider !== 'openai-compatible' || model.baseUrl !== undefined, {
        path: ['baseUrl'],
        error: 'the http(s) address of the openai-compatible provider',
      })
      .refine((model) => model.api === undefined || model.provider === 'openai', {
        path: ['api'],
        error: 'nothing: only the provider "openai" has two APIs',
      }),
    {
      error: (issue) =>
        issue.code === 'invalid_key' ? modelName : 'an object with one entry for each model',
    },
  ),
  executions: section({
    iterations: whole(1, 1_000_000).default(100),
    tokens: whole(1, Number.MAX_SAFE_INTEGER).optional(),
    seconds: whole(1, 31_536_000, ' of seconds').default(3600),
    usd: z.number({ error: 'an amount above 0' }).positive({ error: 'an amount above 0' }).optional(),
    shellNetwork: networkAccess.default('internet'),
    fetchHosts: listOf(
      z
        .string({ error: 'a host' })
        .regex(/^[^\s/@]+$/, { error: 'a host, perhaps with a port, such as "wiki.example.org:8080"' }),
      'hosts',
    ).default([]),
  }),
  http: section({
    host: hostName.optional(),
    port: portNumber.optional(),
    publicUrl: publicUrl.optional(),
    hosts: listOf(hostName, 'host names').default([]),
    trustProxy: flag.default(false),
    cors: section({
      origins: listOf(
        z.string({ error: 'an origin' }).refine(isOrigin, {
          error: 'an origin such as "https://app.example.org" ("*" is not allowed)',
        }),
        'origins',
      ).default([]),
    }).prefault({}),
    compressStreams: flag.default(false),
    reusePort: flag.default(false),
  }),
  limits: section({
    streamsPerUser: whole(1, 1_000_000).default(64),
    streamsPerAddress: whole(1, 1_000_000).default(1024),
    streams: whole(1, 1_000_000).default(10_000),
    startsPerMinute: whole(1, 1_000_000).default(60),
    loginsPerMinute: whole(1, 1_000_000).default(10),
    bodyBytes: whole(1024, 1_073_741_824, ' of bytes').default(1_048_576),
    eventBytes: whole(1024, 67_108_864, ' of bytes').default(1_048_576),
    outputBytes: whole(1, Number.MAX_SAFE_INTEGER, ' of bytes').optional(),
    ownerBytes: whole(1_048_576, Number.MAX_SAFE_INTEGER, ' of bytes').default(10_737_418_240),
  }),
  retention: section({ days: daysSchema.default(30), events: whole(1, Number.MAX_SAFE_INTEGER).optional() }),
  worktrees: section({
    directory: matching(/^\/[^\0]*$/s, 'an absolute path').optional(),
    days: daysSchema.default(7),
    unmergedDays: daysSchema.optional(),
    perOwner: whole(1, 10_000).default(50),
    ownerBytes: whole(1_048_576, Number.MAX_SAFE_INTEGER, ' of bytes').default(21_474_836_480),
  }),
  store: section({
    // Checked where they are read, this and `redisUrl`: a problem of the schema would show the password.
    url: z.string({ error: postgresAddress }).optional(),
    passwordFile: text.optional(),
    leaseSeconds: whole(5, 3600, ' of seconds').default(15),
    synchronousStandby: flag.default(false),
    role: oneOf(['all', 'web', 'worker']).default('all'),
    concurrency: section({
      job: slots.optional(),
      session: slots.optional(),
      execution: slots.optional(),
    }).prefault({}),
  }),
  wakeups: section({
    redisUrl: z.string({ error: redisAddress }).optional(),
  }),
  realtime: section({ publicTopics: listOf(topic, 'topics').default([]) }),
  push: section({
    services: listOf(pushService, 'hosts').default(pushServices),
    contact: contact.optional(),
  }),
  auth: section({
    jwt: section({
      jwksUrl: httpUrl.optional(),
      secretEnv: envName.optional(),
      issuer: line.optional(),
      audience: line.optional(),
    })
      .refine((jwt) => (jwt.jwksUrl === undefined) !== (jwt.secretEnv === undefined), {
        error: 'either jwksUrl, or secretEnv: the name of an environment variable that holds a shared secret',
      })
      .refine((jwt) => jwt.jwksUrl === undefined || jwt.issuer !== undefined, {
        path: ['issuer'],
        error: 'the issuer of the tokens, so that those of other issuers are refused',
      })
      .refine((jwt) => jwt.jwksUrl === undefined || jwt.audience !== undefined, {
        path: ['audience'],
        error: 'the audience of the tokens, so that those for other audiences are refused',
      })
      .optional(),
  }),
}

/** Where an editor finds the schema of the file; the server ignores its value. */
export const schemaKey = text

export const sectionNames = ['projects', 'tools', ...Object.keys(sectionSchemas)]

/** The whole file, for what describes it: a configuration is read section by section, to find every problem. */
export const configFileSchema = section({
  $schema: schemaKey.optional(),
  projects: z.record(projectId, projectSchema),
  tools: z
    .record(toolId, section({ ...toolSchema.shape, args: z.record(argName, argSchema).optional() }))
    .optional(),
  ...optionalSections(),
})

function optionalSections(): Record<string, z.ZodOptional> {
  return Object.fromEntries(Object.entries(sectionSchemas).map(([name, schema]) => [name, schema.optional()]))
}

/** What a configuration file may export: `export default { … } satisfies ConfigFile`. */
export type ConfigFile = {
  $schema?: string
  projects?: Record<string, z.input<typeof projectSchema>>
  tools?: Record<string, Omit<ToolInput, 'args'> & { args?: Record<string, ArgInput> }>
} & { [Name in keyof typeof sectionSchemas]?: z.input<(typeof sectionSchemas)[Name]> }

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
}

function isPublicUrl(value: string): boolean {
  if (!isHttpUrl(value)) return false
  const { username, password, search, hash, pathname } = new URL(value)
  return `${username}${password}${search}${hash}` === '' && /^(?:\/[A-Za-z0-9._~-]+)*\/?$/.test(pathname)
}

function firstPart(value: string): string {
  return new URL(value).pathname.split('/')[1] ?? ''
}

function isOrigin(value: string): boolean {
  return isHttpUrl(value) && new URL(value).origin === value
}
