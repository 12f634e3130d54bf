/**
 * Finds the server a command talks to: the one that was named, else the one on this machine. A
 * running server leaves its address and an admin token in `<data>/server.json`.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { defaultDataDir, namedDataDir, stateRoot } from '#config/data-dir'
import { isAlive } from '#store/sqlite/upkeep/is-alive'
import { exitCodes } from './exit-codes.ts'
import { CliError, type Io } from './terminal.ts'

export interface Server {
  /** Without a slash at the end. */
  url: string
  token: string
}

/** A server that may come back elsewhere after a restart. */
export interface Connection {
  server: Server
  /** Looks again: a restarted server has another token, maybe another port. Null: not there now. */
  again(): Promise<Server | null>
  /** True when the token is the server's own, which changes with each start. */
  renewsToken: boolean
  /** True for the only server on this machine, found from a folder that it was not started in. */
  isElsewhere: boolean
}

export interface Where {
  url?: string | undefined
  data?: string | undefined
  env: NodeJS.ProcessEnv
  cwd: string
}

export function whereOf(flags: { url?: string; data?: string }, io: Io): Where {
  return { url: flags.url, data: flags.data, env: io.env, cwd: io.cwd }
}

const cardSchema = z.object({
  url: z.url({ protocol: /^https?$/ }),
  token: z.string().min(1),
  pid: z.int().positive(),
  startedAt: z.number(),
})
type Card = z.infer<typeof cardSchema> & { dataDir: string }

/** Fails with a CliError that says how to start or name a server. */
export async function connect(where: Where): Promise<Connection> {
  // A flag wins over the environment: --data over MILLRACE_URL, too.
  const url = where.url ?? (where.data === undefined ? where.env.MILLRACE_URL || undefined : undefined)
  if (url !== undefined) return connectTo(normalUrl(url), where.env)
  const named = namedDataDir(where.data, where.env, where.cwd)
  // A directory that was named is believed: its server may run where its pid cannot be seen.
  const card = named === undefined ? await localCard(where) : await readCard(named.path)
  if (card !== null) {
    const isElsewhere = named === undefined && card.dataDir !== defaultDataDir(where.env, where.cwd)
    return { ...follows(card), isElsewhere }
  }
  throw new CliError(
    named === undefined
      ? 'no server runs here: start one with "millrace serve", or name one with --url or --data'
      : `no server runs on the data directory ${named.path}: start one with "millrace serve --data ${named.path}"`,
    exitCodes.unavailable,
  )
}

async function connectTo(url: string, env: NodeJS.ProcessEnv): Promise<Connection> {
  const token = env.MILLRACE_TOKEN
  if (token) {
    const server = { url, token }
    return { server, again: async () => server, renewsToken: false, isElsewhere: false }
  }
  const card = (await liveCards(env)).find((candidate) => normalUrl(candidate.url) === url)
  if (card !== undefined) return follows(card)
  throw new CliError(
    `MILLRACE_TOKEN is not set, and ${url} is not a server of this user`,
    exitCodes.unavailable,
  )
}

function follows(card: Card): Connection {
  const again = async () => {
    const now = await readCard(card.dataDir)
    return now === null ? null : serverOf(now)
  }
  return { server: serverOf(card), again, renewsToken: true, isElsewhere: false }
}

function serverOf(card: Card): Server {
  return { url: normalUrl(card.url), token: card.token }
}

/** The data directory a command works on: the one that was named, else the running server's, else this directory's. */
export async function dataDirOf(where: Where): Promise<string> {
  const named = namedDataDir(where.data, where.env, where.cwd)
  if (named !== undefined) return named.path
  return (await localCard(where))?.dataDir ?? defaultDataDir(where.env, where.cwd)
}

/** The server of this directory, else the only one of this user. */
async function localCard(where: Where): Promise<Card | null> {
  const own = await readCard(defaultDataDir(where.env, where.cwd))
  if (own !== null && isAlive(own.pid)) return own
  const cards = await liveCards(where.env)
  if (cards.length <= 1) return cards[0] ?? null
  const list = cards.map((card) => `  ${card.url}  --data ${card.dataDir}`).join('\n')
  throw new CliError(
    `${cards.length} servers run on this machine, and none in this directory; name one with --url or --data:\n${list}`,
    exitCodes.unavailable,
  )
}

async function liveCards(env: NodeJS.ProcessEnv): Promise<Card[]> {
  const root = stateRoot(env)
  const folders = await readdir(root).catch(() => [])
  const cards = await Promise.all(folders.map((folder) => readCard(join(root, folder))))
  return cards.filter((card) => card !== null).filter((card) => isAlive(card.pid))
}

/** Returns null if there is no readable one. */
export async function readCard(dataDir: string): Promise<Card | null> {
  try {
    const card = cardSchema.parse(JSON.parse(await readFile(join(dataDir, 'server.json'), 'utf8')))
    return { ...card, dataDir }
  } catch {
    return null
  }
}

function normalUrl(text: string): string {
  const bare = text.includes('://') ? text : `http://${text}`
  if (!URL.canParse(bare) || !/^https?:$/.test(new URL(bare).protocol)) {
    throw new CliError(`${JSON.stringify(text)} is not an http(s) address`, exitCodes.usage)
  }
  const { origin, pathname } = new URL(bare)
  return `${origin}${pathname.replace(/\/+$/, '')}`
}
