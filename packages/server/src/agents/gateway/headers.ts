/** Which header fields pass the gateway to the model's API, in either direction. */
import type { IncomingMessage } from 'node:http'
import type { Way } from './way.ts'

type Fields = Record<string, string | string[]>

/** Hop-by-hop fields (RFC 9110, section 7.6.1); so are those that `Connection` names. */
const ofTheConnection = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/**
 * No credential of the session's process may reach the API, nor who is to be billed, nor what makes another request of it than
 * the gateway has judged; the gateway itself answers `expect`.
 */
const notForwarded = new Set([
  'host',
  'authorization',
  'x-api-key',
  'openai-organization',
  'openai-project',
  'cookie',
  'expect',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
])

/** Of Google's parameters, one names a key, others who pays, or which parts of an answer are left out, such as its usage. */
function isParameterOfGoogle(name: string): boolean {
  return name.startsWith('x-goog-') && name !== 'x-goog-api-client'
}

/** Fields of a request to the API: without the session's credentials, with the server's. */
export function forwardedHeaders(request: IncomingMessage, { base, apiKey, vendor }: Way): Fields {
  const fields = passing(request, (name) => notForwarded.has(name) || isParameterOfGoogle(name))
  // Kept even if `Connection` names them: without framing, the body of a GET would be read as a second request.
  const length = request.headers['content-length']
  if (request.headers['transfer-encoding'] !== undefined) fields['transfer-encoding'] = 'chunked'
  else if (length !== undefined) fields['content-length'] = length
  fields.host = base.host
  if (apiKey !== undefined) Object.assign(fields, vendor.credential(apiKey))
  return fields
}

/** Fields of an answer to the session's process: without any field that contains the key. */
export function returnedHeaders(answer: IncomingMessage, apiKey: string | undefined): Fields {
  const fields = passing(answer, () => false)
  const telling = (value: string) => apiKey !== undefined && apiKey !== '' && value.includes(apiKey)
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => !telling(name) && ![value].flat().some(telling)),
  )
}

function passing(message: IncomingMessage, isDropped: (name: string) => boolean): Fields {
  const named = (message.headers.connection ?? '').toLowerCase().split(/[ \t,]+/)
  const fields: Fields = {}
  for (const [name, values = []] of Object.entries(message.headersDistinct)) {
    if (ofTheConnection.has(name) || named.includes(name) || name.startsWith('proxy-') || isDropped(name))
      continue
    fields[name] = values.length === 1 ? (values[0] ?? '') : values
  }
  return fields
}
