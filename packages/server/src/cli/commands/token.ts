/**
 * `millrace token create | list | revoke`: tokens of a data directory. They work with and without a
 * running server; a revoked token ends its streams there within seconds.
 */
import { createToken, parseDuration, userNameProblem } from '#auth/tokens'
import { dataDirOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, printable, Terminal, table } from '#cli/terminal'
import type { Credential, CredentialStore } from '#store/credentials'

export interface TokenFlags {
  data?: string
  json?: boolean
}

export interface CreateTokenFlags extends TokenFlags {
  user: string
  admin?: boolean
  ttl?: string
}

export type OpenCredentials = (dataDir: string) => CredentialStore & { close(): void }

export async function createTokenCommand(
  flags: CreateTokenFlags,
  io: Io,
  open: OpenCredentials,
): Promise<number> {
  const admin = flags.admin ?? false
  const problem = userNameProblem(flags.user, admin)
  if (problem !== null) throw new CliError(`--user: ${problem}`, exitCodes.usage)
  const ttlMs = flags.ttl === undefined ? null : parseDuration(flags.ttl)
  if (flags.ttl !== undefined && ttlMs === null) {
    throw new CliError('--ttl: a duration such as 30d, 12h or 90m', exitCodes.usage)
  }
  const terminal = new Terminal(io, { json: flags.json ?? false })
  await withStore(flags, io, open, async (store) => {
    const { token, credential } = await createToken(store, { user: flags.user, admin, ttlMs }, Date.now())
    if (terminal.json) {
      await terminal.value({ token, ...shown(credential) })
      return
    }
    await terminal.line(token)
    await terminal.note(`${credential.id}, for ${printable(flags.user)}: it is not shown again`)
  })
  return exitCodes.ok
}

export async function listTokensCommand(flags: TokenFlags, io: Io, open: OpenCredentials): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  await withStore(flags, io, open, async (store) => {
    const tokens = await store.list('token')
    if (terminal.json) {
      await terminal.value({ tokens: tokens.map(shown) })
      return
    }
    const now = Date.now()
    const rows = tokens.map((token) => [
      token.id,
      printable(token.user),
      token.admin ? 'admin' : 'user',
      stateOf(token, now),
      day(token.createdAt),
      token.expiresAt === null ? 'never' : day(token.expiresAt),
    ])
    for (const line of table([['ID', 'USER', 'ROLE', 'STATE', 'CREATED', 'EXPIRES'], ...rows])) {
      await terminal.line(line)
    }
  })
  return exitCodes.ok
}

export async function revokeTokenCommand(
  id: string,
  flags: TokenFlags,
  io: Io,
  open: OpenCredentials,
): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  await withStore(flags, io, open, async (store) => {
    if (!(await store.revoke(id, Date.now()))) {
      throw new CliError(`no token has the id ${printable(id)}; see "millrace token list"`, exitCodes.failed)
    }
  })
  if (terminal.json) await terminal.value({ id, revoked: true })
  else await terminal.line(`${id} is revoked; its streams end within 5 s`)
  return exitCodes.ok
}

async function withStore(
  flags: TokenFlags,
  io: Io,
  open: OpenCredentials,
  use: (store: CredentialStore) => Promise<void>,
): Promise<void> {
  const store = open(await dataDirOf({ data: flags.data, env: io.env, cwd: io.cwd }))
  try {
    await use(store)
  } finally {
    store.close()
  }
}

function shown({ id, user, admin, createdAt, expiresAt, revokedAt }: Credential) {
  return { id, user, admin, createdAt, expiresAt, revokedAt }
}

function stateOf({ revokedAt, expiresAt }: Credential, now: number): string {
  if (revokedAt !== null) return 'revoked'
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'valid'
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
