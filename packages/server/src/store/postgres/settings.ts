/** What names a database: the parts of a URL, and where its password is. */
import type { ClientConfig } from 'pg'

/** As the driver takes them. */
export type ConnectionSettings = Pick<
  ClientConfig,
  'connectionString' | 'host' | 'port' | 'user' | 'database' | 'password' | 'ssl' | 'options'
>
