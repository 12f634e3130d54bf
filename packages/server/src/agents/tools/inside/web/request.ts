/**
 * One request for a page, and its answer up to a bound.
 *
 * Invariant: the address that is connected to is the one that was checked, so that a name cannot lead elsewhere the
 * second time it is looked up. Behind a proxy, which looks names up itself, the name alone is checked.
 */
import { lookup } from 'node:dns'
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Readable, Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { Refusal } from '../answer.ts'
import { isAllowedHost, isPublicAddress, refusedHost } from './addresses.ts'
import { proxyFor } from './proxy.ts'

export interface PageRequest {
  allowedHosts: readonly string[]
  bytesMax: number
  signal: AbortSignal
}

export interface Page {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
  /** There was more. */
  isCut: boolean
}

const headers = {
  accept: 'text/html, text/markdown;q=0.9, text/plain;q=0.9, application/json;q=0.9, */*;q=0.5',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'user-agent': 'Mozilla/5.0 (compatible; Millrace)',
}

export async function requestPage(url: URL, { allowedHosts, bytesMax, signal }: PageRequest): Promise<Page> {
  const isAllowed = isAllowedHost(url, allowedHosts)
  const refusal = isAllowed ? null : refusedHost(url)
  if (refusal !== null) throw new Refusal(`${refusal}, so nothing was fetched.`)
  const proxy = proxyFor(url, process.env)
  const proxyEnv = proxy === null ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }
  const isTls = url.protocol === 'https:'
  const agent = isTls ? new TlsAgent(proxyEnv) : new PlainAgent(proxyEnv)
  try {
    const options = {
      agent,
      headers,
      signal,
      ...(proxy === null && !isAllowed ? { lookup: publicLookup } : {}),
    }
    const response = await answerTo(isTls ? tlsRequest(url, options) : plainRequest(url, options))
    const { body, isCut } = await bodyOf(response, bytesMax)
    response.destroy()
    return { status: response.statusCode ?? 0, headers: response.headers, body, isCut }
  } finally {
    agent.destroy()
  }
}

function answerTo(request: ReturnType<typeof plainRequest>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
    request.end()
  })
}

const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '', 0)
    const other = addresses.find(({ address }) => !isPublicAddress(address))
    if (other !== undefined) {
      const text = `${hostname} leads to ${other.address}, which is not an address of the public web, so nothing was fetched.`
      return callback(new Refusal(text), '', 0)
    }
    const [first] = addresses
    if (options.all === true) callback(null, addresses)
    else callback(null, first?.address ?? '', first?.family ?? 0)
  })
}

async function bodyOf(
  response: IncomingMessage,
  bytesMax: number,
): Promise<{ body: Buffer; isCut: boolean }> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of decoded(response)) {
    const bytes = chunk as Buffer
    chunks.push(bytes)
    length += bytes.length
    if (length > bytesMax) break
  }
  return { body: Buffer.concat(chunks).subarray(0, bytesMax), isCut: length > bytesMax }
}

function decoded(response: IncomingMessage): Readable {
  const decoder = decoderFor(response.headers['content-encoding'])
  if (decoder === null) return response
  response.once('error', (error) => decoder.destroy(error))
  return response.pipe(decoder)
}

function decoderFor(encoding: string | undefined): Transform | null {
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    default:
      return null
  }
}
