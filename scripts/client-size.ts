/** The client must stay small, and stand alone: what a browser loads of it, minified and compressed, without its types. */
import { gzipSync } from 'node:zlib'
import { bundleClient } from './bundle-client.ts'

const bytesMax = 5000

const { code, imports } = await bundleClient()
const bytes = gzipSync(code, { level: 9 }).length
console.log(`@millrace/client: ${bytes} bytes minified and compressed, ${bytesMax} at most`)
if (imports.length > 0) console.error(`@millrace/client loads ${imports.join(', ')}`)
if (bytes > bytesMax || bytes === 0 || imports.length > 0) process.exit(1)
