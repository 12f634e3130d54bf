/** Which header fields pass the gateway to the model's API, in either direction. */
import type { IncomingMessage } from 'node:http'

type Fields = Record<string, string | string[]>

/** They are about one connection (RFC 9110, section 7.6.1); so are those that `Connection` names. */
const ofTheConnection = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/** What the session's process knows must not reach the API beside the key; `expect` is answered here. */
const notForwarded = new Set(['host', 'authorization', 'x-api-key', 'cookie', 'expect'])

/** To the API: without the session's credentials, with the server's. */
export function forwardedHeaders(request: IncomingMessage, host: string, apiKey: string | undefined): Fields {
  const fields = passing(request, (name) => notForwarded.has(name))
  // Whatever `Connection` names: Node would send the body of a GET without any framing, as a second request.
  const length = request.headers['content-length']
  if (request.headers['transfer-encoding'] !== undefined) fields['transfer-encoding'] = 'chunked'
  else if (length !== undefined) fields['content-length'] = length
  fields.host = host
  if (apiKey !== undefined) fields['x-api-key'] = apiKey
  return fields
}

/** Back to the session's process: without a field that tells the key, should the API's side have put it there. */
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
