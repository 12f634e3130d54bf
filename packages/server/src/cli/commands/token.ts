/**
 * `millrace token create | list | revoke`: the tokens of a data directory, with or without a running
 * server. Revoking a token ends its streams within seconds.
 */
import type { Command } from 'commander'
import { createToken, parseDuration, userNameProblem } from '#auth/tokens'
import { dataDirOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, printable, Terminal, table } from '#cli/terminal'
import type { Credential, CredentialStore } from '#store/credentials'
import { openCredentialFile } from '#store/sqlite/upkeep/credential-file'
import { type CommandContext, type DataFlags, ofDataDirectory } from './command.ts'
import { refuseStoreElsewhere } from './upkeep-directory.ts'

interface CreateFlags extends DataFlags {
  user: string
  admin?: boolean
  ttl?: string
}

export function declare(program: Command, { io, end }: CommandContext): void {
  const token = program.command('token').description("create, list and revoke users' tokens")
  ofDataDirectory(token.command('create').description('create a token; it is shown once'))
    .requiredOption('--user <name>', 'the user whose runs it may see')
    .option('--admin', 'may see and end every run')
    .option('--ttl <duration>', 'how long it is valid: 30d, 12h, 90m (default: until it is revoked)')
    .action(async (flags: CreateFlags) => end(await createCommand(flags, io)))

  ofDataDirectory(token.command('list').description('list tokens, newest first')).action(
    async (flags: DataFlags) => end(await listCommand(flags, io)),
  )

  ofDataDirectory(
    token.command('revoke').argument('<id>').description('revoke a token and end its streams'),
  ).action(async (id: string, flags: DataFlags) => end(await revokeCommand(id, flags, io)))
}

async function createCommand(flags: CreateFlags, io: Io): Promise<number> {
  const admin = flags.admin ?? false
  const problem = userNameProblem(flags.user, admin)
  if (problem !== null) throw new CliError(`--user: ${problem}`, exitCodes.usage)
  const ttlMs = flags.ttl === undefined ? null : parseDuration(flags.ttl)
  if (flags.ttl !== undefined && ttlMs === null) {
    throw new CliError('--ttl: expected a duration such as 30d, 12h or 90m', exitCodes.usage)
  }
  const terminal = new Terminal(io, { json: flags.json ?? false })
  await withStore(flags, io, async (store) => {
    const { token, credential } = await createToken(store, { user: flags.user, admin, ttlMs }, Date.now())
    if (terminal.json) {
      await terminal.value({ token, ...shown(credential) })
      return
    }
    await terminal.line(token)
    await terminal.note(`${credential.id}, for ${printable(flags.user)}; the token is not shown again`)
  })
  return exitCodes.ok
}

async function listCommand(flags: DataFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  await withStore(flags, io, async (store) => {
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

async function revokeCommand(id: string, flags: DataFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  await withStore(flags, io, async (store) => {
    if (!(await store.revoke(id, Date.now()))) {
      throw new CliError(`no token has the id ${printable(id)}; see "millrace token list"`, exitCodes.failed)
    }
  })
  if (terminal.json) await terminal.value({ id, revoked: true })
  else await terminal.line(`${id} is revoked; its streams end within 5 s`)
  return exitCodes.ok
}

async function withStore(
  flags: DataFlags,
  io: Io,
  use: (store: CredentialStore) => Promise<void>,
): Promise<void> {
  const dataDir = await dataDirOf({ data: flags.data, env: io.env, cwd: io.cwd })
  refuseStoreElsewhere(dataDir, io.env)
  const store = openCredentialFile(dataDir)
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
