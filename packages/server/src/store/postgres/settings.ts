/** What names a database: the parts of an address, and a password that may be apart from it. */
import type { ClientConfig } from 'pg'
import { parseIntoClientConfig } from 'pg-connection-string'

/** As the driver takes them. */
export type ConnectionSettings = ClientConfig

/** Without a password the driver looks for one in PGPASSFILE. */
export function settingsOf({
  url,
  password,
}: {
  url: string
  password?: string | undefined
}): ConnectionSettings {
  const settings = parseIntoClientConfig(url)
  return password === undefined ? settings : { ...settings, password }
}
