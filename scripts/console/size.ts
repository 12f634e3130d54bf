/** The console's first load must stay small: what its page names, compressed. Everything else is loaded when it is needed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const bytesMax = 200_000
const built = 'packages/server/public'

await import('./build.ts')
const page = readFileSync(join(built, 'index.html'), 'utf8')
const files = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, file = '']) => file)
const sizes = files.map((file) => gzipSync(readFileSync(join(built, file)), { level: 9 }).length)
const bytes = gzipSync(page).length + sizes.reduce((sum, size) => sum + size, 0)
console.log(
  `the console's first load: ${bytes} bytes compressed in ${files.length + 1} files, ${bytesMax} at most`,
)
if (bytes > bytesMax || !files.some((file) => file.endsWith('.js'))) process.exit(1)
