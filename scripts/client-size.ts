/** The client must stay small: what a browser loads of it, minified and compressed, without its types. */
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const bytesMax = 5000

const built = await build({
  configFile: false,
  logLevel: 'error',
  build: {
    write: false,
    minify: true,
    // Not as a library, whose white space vite leaves for the next bundler.
    rollupOptions: { input: 'packages/client/src/index.ts', preserveEntrySignatures: 'strict' },
    modulePreload: { polyfill: false },
  },
})
const outputs = (Array.isArray(built) ? built : [built]).flatMap((result) =>
  'output' in result ? result.output : [],
)
const code = outputs.map((output) => ('code' in output ? output.code : '')).join('')
const bytes = gzipSync(code, { level: 9 }).length
console.log(`@millrace/client: ${bytes} bytes minified and compressed, ${bytesMax} at most`)
if (bytes > bytesMax || bytes === 0) process.exit(1)
