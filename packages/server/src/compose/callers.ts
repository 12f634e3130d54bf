/** Who may call, and how much: authentication and the caps on open streams. */
import type { Logger } from 'pino'
import { OpenStreams } from '#admission/open-streams'
import { Authenticator } from '#auth/authenticator'
import { createJwtVerifier } from '#auth/jwt'
import { newSecret } from '#auth/secrets'
import type { Config } from '#config/config'
import type { CredentialStore } from '#store/credentials'
import type { Metrics } from '#telemetry/metrics'
import type { Releases } from './releases.ts'

export interface CallersParts {
  config: Pick<Config, 'adminToken' | 'auth' | 'limits'>
  credentials: CredentialStore
  metrics: Metrics
  now: () => number
  log: Logger
}

export interface Callers {
  auth: Authenticator
  streams: OpenStreams
  /** An admin token that lives as long as this server. */
  localToken: string
}

export function openCallers(
  { config, credentials, metrics, now, log }: CallersParts,
  releases: Releases,
): Callers {
  const localToken = newSecret('mr_local')
  const adminTokens = config.adminToken === undefined ? [localToken] : [localToken, config.adminToken]
  const jwt = config.auth?.jwt === undefined ? null : createJwtVerifier(config.auth.jwt, now)
  const auth = new Authenticator({ credentials, adminTokens, jwt, now })
  const streams = new OpenStreams({
    credentials,
    limits: config.limits,
    now,
    log,
    onEnded: (reason) => metrics.http.streamEnded(reason),
  })
  releases.push(() => streams.close())
  return { auth, streams, localToken }
}
