/** Who may call, and how much: authentication and the caps on open streams. */
import type { Logger } from 'pino'
import { OpenStreams } from '#admission/open-streams'
import { Authenticator } from '#auth/authenticator'
import type { JwtSettings, JwtVerifier } from '#auth/jwt'
import { newSecret } from '#auth/secrets'
import { UserTokens } from '#auth/user-tokens'
import type { Config } from '#config/config'
import type { Post } from '#nodes/post'
import type { CredentialStore } from '#store/credentials'
import type { Metrics } from '#telemetry/metrics'
import type { Releases } from './releases.ts'

export interface CallersParts {
  config: Pick<Config, 'adminToken' | 'auth' | 'limits'>
  credentials: CredentialStore
  metrics: Metrics
  now: () => number
  log: Logger
  /** Null: this node is alone. */
  post: Pick<Post, 'on' | 'tell'> | null
}

export interface Callers {
  auth: Authenticator
  streams: OpenStreams
  tokens: UserTokens
  /** An admin token that lives as long as this server. */
  localToken: string
}

export async function openCallers(
  { config, credentials, metrics, now, log, post }: CallersParts,
  releases: Releases,
): Promise<Callers> {
  const localToken = newSecret('mr_local')
  const adminTokens = config.adminToken === undefined ? [localToken] : [localToken, config.adminToken]
  const jwt = config.auth?.jwt === undefined ? null : await jwtVerifier(config.auth.jwt, now)
  const auth = new Authenticator({ credentials, adminTokens, jwt, now })
  const streams = new OpenStreams({
    credentials,
    limits: config.limits,
    now,
    log,
    onEnded: (reason) => metrics.http.streamEnded(reason),
    onTicket: (id, openedAt) => post?.tell(ticketTopic, { id, openedAt } satisfies TicketOpened),
  })
  // The news may arrive after the ticket has opened its next stream, here.
  post?.on(ticketTopic, (data) => {
    const { id, openedAt } = data as TicketOpened
    streams.endTicket(id, openedAt)
  })
  releases.push(() => streams.close())
  return { auth, streams, tokens: new UserTokens(credentials, now), localToken }
}

const ticketTopic = 'ticket opened'

interface TicketOpened {
  id: string
  /** By the clock that all nodes share. */
  openedAt: number
}

/** Its library is loaded where it is used. */
async function jwtVerifier(settings: JwtSettings, now: () => number): Promise<JwtVerifier> {
  const { createJwtVerifier } = await import('#auth/jwt')
  return createJwtVerifier(settings, now)
}
