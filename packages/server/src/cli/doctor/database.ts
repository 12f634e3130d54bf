/** Checks the database of `store.url`, if there is one: can it keep a server's promises? Changes nothing in it. */
import { messageOf } from '@millrace/protocol'
import type { Config, StoreSettings } from '#config/config'
import { shownAddress } from '#config/store-settings'
import type { Inspection } from '#store/postgres/inspection'
import type { Check } from './check.ts'

const name = 'database'
/** Approvals and credentials expire by the clocks of nodes. */
const clockMsMax = 1000
const roundTripMsMax = 20
/** Of one server, with room for others. */
const connectionsMin = 20

export async function checkDatabase({ store }: Pick<Config, 'store'>): Promise<Check[]> {
  if (store === undefined) return []
  try {
    const { inspectDatabase } = await import('#store/postgres/inspection')
    const { settingsOf } = await import('#store/postgres/settings')
    const found = await inspectDatabase(settingsOf(store))
    return checksOf(store, found)
  } catch (error) {
    return [{ name, status: 'fail', detail: `${shownAddress(store.url)}: ${messageOf(error)}` }]
  }
}

/** What an inspection says of a database. */
export function checksOf(
  { url, synchronousStandby }: Pick<StoreSettings, 'url' | 'synchronousStandby'>,
  found: Inspection,
): Check[] {
  const check = (fails: boolean, status: Check['status'], detail: string): Check => ({
    name,
    status: fails ? status : 'ok',
    detail,
  })
  const clock = Math.round(found.clockAheadMs)
  const port = new URL(url).port || '5432'
  const checks = [
    check(found.versionNumber < 140_000, 'fail', `Postgres ${found.version} (14 or newer is needed)`),
    check(found.encoding !== 'UTF8', 'fail', `its encoding is ${found.encoding} (UTF8 is needed)`),
    check(
      found.synchronousCommit === 'off',
      'warn',
      found.synchronousCommit === 'off'
        ? 'synchronous_commit is off by default; the server turns it on for its own connections'
        : `synchronous_commit is ${found.synchronousCommit}`,
    ),
    check(found.roundTripMs > roundTripMsMax, 'warn', `a round trip takes ${found.roundTripMs} ms`),
    check(
      Math.abs(clock) > clockMsMax,
      'warn',
      `its clock is ${Math.abs(clock)} ms ${clock < 0 ? 'behind' : 'ahead of'} this machine's`,
    ),
    check(
      found.connectionsMax < connectionsMin,
      'warn',
      `it takes ${found.connectionsMax} connections; a server uses 7`,
    ),
    {
      name,
      status: found.synchronousStandbys === '' && synchronousStandby ? 'warn' : 'info',
      detail:
        found.synchronousStandbys !== ''
          ? `commits wait for a standby (${found.synchronousStandbys})`
          : `no commit waits for a standby: a failover may lose the newest events${synchronousStandby ? ', and store.synchronousStandby says that it cannot' : ''}`,
    } satisfies Check,
  ]
  if (found.serverPort !== null && String(found.serverPort) !== port) {
    const detail = `the server's own port is ${found.serverPort}, the address has ${port}: a pooler between them must keep sessions (PgBouncer's pool_mode = session)`
    checks.push({ name, status: 'warn', detail })
  }
  return checks
}
