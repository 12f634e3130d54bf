/** A gateway with something behind it, and a client in front. */
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Budget } from '#agents/gateway/budget'
import { type ModelGateway, openModelGateway } from '#agents/gateway/gateway'
import { rawServer } from './wire.ts'

const releases: (() => unknown)[] = []

/** Called after the test, the last registered first. */
export function after(release: () => unknown): void {
  releases.push(release)
}
export const key = 'made-up-key-7d1e'
/** To be called after each test. */
export async function releaseAll(): Promise<void> {
  for (const release of releases.splice(0).reverse()) await release()
}

export async function gatewayTo(
  baseUrl: string,
  apiKey: string | undefined = key,
  budget: Budget | null = null,
): Promise<ModelGateway> {
  const gateway = await openModelGateway({ baseUrl, apiKey }, budget)
  releases.push(() => gateway.close())
  return gateway
}

export async function upstream(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  releases.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function hostile(answer: (socket: Socket, all: Buffer) => void) {
  const server = await rawServer(answer)
  releases.push(() => server.close())
  return { ...server, url: `http://127.0.0.1:${server.port}` }
}

interface Asked {
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
  body?: Buffer | string
}

/** Resolves with the head of the answer; the test reads its body. */
export async function ask(gateway: ModelGateway, { method = 'POST', path, headers, body }: Asked = {}) {
  const asked = request(gateway.url + (path ?? '/v1/messages'), {
    method,
    agent: false,
    headers: { authorization: `Bearer ${gateway.token}`, ...headers },
  })
  // The error of an answer that is cut on purpose.
  asked.on('error', () => {})
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>
  asked.end(body)
  const [answer] = await answered
  return { asked, answer, status: answer.statusCode }
}

export async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function told(gateway: ModelGateway, asked?: Asked) {
  const { answer, status } = await ask(gateway, asked)
  return { status, headers: answer.headers, body: (await bodyOf(answer)).toString() }
}

/** The echo is encoded: the gateway returns no field that contains the key. */
export const echo: RequestListener = (asked, answer) => {
  const { method, url, headers } = asked
  answer.setHeader('x-seen', Buffer.from(JSON.stringify({ method, url, headers })).toString('base64'))
  asked.pipe(answer)
}
export const seenBy = (headers: IncomingMessage['headers']) =>
  JSON.parse(Buffer.from(String(headers['x-seen']), 'base64').toString()) as {
    method: string
    url: string
    headers: Record<string, string>
  }

/** Resolves when a number has not changed for a while. */
export async function settled(read: () => number): Promise<void> {
  for (let before = -1; before !== read(); ) {
    before = read()
    await sleep(300)
  }
}

export async function happens(condition: () => boolean): Promise<void> {
  for (let round = 0; !condition(); round++) {
    if (round > 1000) throw new Error('it never happened')
    await sleep(10)
  }
}
