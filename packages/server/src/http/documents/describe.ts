/**
 * The parts of the API's document that all routes share: who may call a route, how a stream of a run is
 * resumed, and how a route refuses. Derived from what routes declare, so that none can leave it out.
 */
import { type ErrorCode, errorTable } from '@millrace/protocol'
import type { FastifySchema, RouteOptions } from 'fastify'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { problemDetails } from '#http/refusals'
import { streamsRun } from '#http/run-streams'

interface Described extends FastifySchema {
  summary?: string
  hide?: boolean
  produces?: readonly string[]
  security?: Record<string, string[]>[]
  response?: Record<string, unknown>
}

type Transform = typeof jsonSchemaTransform

export const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A token, or a JSON Web Token' },
  ticket: {
    type: 'apiKey',
    in: 'query',
    name: 'ticket',
    description: 'From `POST /api/tickets`, for this one path',
  },
} as const

export const describeRoute: Transform = (document) => {
  const { schema, url } = jsonSchemaTransform(document)
  const said = schema as Described | undefined
  if (said === undefined || said.hide) return { schema, url }
  const { access = 'user', stream = false } = document.route.config ?? {}
  const ofRun = streamsRun(document.route)
  const answers = stream ? streamed(said.produces ?? [], ofRun) : said.response
  const whole: Described = {
    ...said,
    ...(access === 'public' ? { security: [] } : {}),
    ...(access === 'optional' ? { security: [{}, { bearer: [] }] } : {}),
    ...(ofRun ? resumable(said.produces ?? []) : {}),
    response: { ...refusalsOf(document.route, said), ...(answers ?? { 200: { description: said.summary } }) },
  }
  return { schema: whole as typeof schema, url }
}

interface OpenApi {
  paths?: Record<string, Record<string, { requestBody?: RequestBody }>>
}
interface RequestBody {
  required?: boolean
  content?: Record<string, { schema?: { anyOf?: { type?: string }[] } }>
}

/** Marks a body that may be null as optional: a route has no other way to declare that. */
export function describeOptionalBodies<Document extends object>(document: Document): Document {
  const { paths = {} } = document as OpenApi
  for (const { requestBody } of Object.values(paths).flatMap((path) => Object.values(path))) {
    for (const media of Object.values(requestBody?.content ?? {})) {
      const choices = media.schema?.anyOf
      const [given, ...more] = choices?.filter(({ type }) => type !== 'null') ?? []
      if (requestBody === undefined || given === undefined || choices?.length !== 2 || more.length > 0)
        continue
      requestBody.required = false
      media.schema = given as object
    }
  }
  return document
}

/** The refusals a caller must expect, by status, with the codes that each may have. */
function refusalsOf({ config, method }: RouteOptions, { body, params, querystring }: Described) {
  const { access = 'user', stream = false, starts = false, rate = null } = config ?? {}
  const { refusals: shape = problemDetails, refuses = [] } = config ?? {}
  const codes = new Set<ErrorCode>(['misdirected', 'request_timeout', 'headers_too_large', 'internal'])
  const may = (when: unknown, ...more: ErrorCode[]) => {
    if (when) for (const code of more) codes.add(code)
  }
  may(access !== 'public', 'unauthenticated', 'auth_unavailable', 'storage_failed', 'storage_away')
  // For a cookie that a foreign page sends along, and for what only admins may do.
  may(access === 'admin' || method === 'POST', 'forbidden')
  may(body || querystring || params || stream, 'invalid_request')
  may(method === 'POST', 'payload_too_large', 'unsupported_media_type', 'storage_full')
  may(params, 'not_found')
  may(stream, 'too_many_streams')
  may(starts, 'rate_limited', 'draining', 'sandbox_unavailable', 'quota_exceeded')
  may(rate !== null, 'rate_limited')
  may(true, ...refuses)
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes) {
    const status = shape.status(code)
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const answer = (status: number, found: readonly ErrorCode[]) => ({
    ...described(status, found),
    content: { [shape.contentType]: { schema: shape.schema(status, found) } },
  })
  return Object.fromEntries([...byStatus].map(([status, found]) => [status, answer(status, found)]))
}

const text = { type: 'string' }

function described(status: number, codes: readonly ErrorCode[]) {
  const description = codes.map((code) => `${errorTable[code].title} (\`${code}\`)`).join('; ')
  const late = status === 429 || status === 503
  return late
    ? { description: `${description}. \`Retry-After\` tells when to try again, where known` }
    : { description }
}

function streamed(produces: readonly string[], ofRun: boolean) {
  const content = Object.fromEntries(
    produces.map((type) => [type, { schema: type === 'text/event-stream' ? text : { type: 'object' } }]),
  )
  const over = {
    204: { type: 'null', description: 'The log is closed, and has nothing after this cursor' },
  }
  return {
    200: { description: 'Frames, each with `id`, `event` and `data`', content },
    ...(ofRun ? over : {}),
  }
}

const cursor = 'Send the frames after this `id`'
const resumeQuery = {
  after: { ...text, description: cursor },
  lastEventId: { ...text, description: `${cursor}; the same as \`after\`` },
  epoch: { ...text, description: 'The epoch of the cursor' },
  types: { ...text, description: 'Only these types, separated by commas, and the terminal event' },
}
const pageQuery = {
  limit: {
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    description: 'The maximum number of events on a page',
  },
}
const resumeHeaders = {
  'last-event-id': { ...text, description: `${cursor}; wins over the query` },
  'millrace-epoch': { ...text, description: 'The epoch of the cursor' },
}

function resumable(produces: readonly string[]): Described {
  const paged = produces.includes('application/json')
  return {
    querystring: { type: 'object', properties: { ...resumeQuery, ...(paged ? pageQuery : {}) } },
    headers: { type: 'object', properties: resumeHeaders },
    security: [{ bearer: [] }, { ticket: [] }],
  }
}
