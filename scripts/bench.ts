/** `npm run bench`: installs the peers the first time, then runs what `bench/main.ts` is asked for. */
import { installBeside } from './install-beside.ts'

installBeside('bench')
await import('../bench/main.ts')
