/** Builds the console into the server's package, from where `millrace serve` serves it; `npm run dev` serves it itself. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** The running server that the development page talks to. */
const server = process.env.MILLRACE_URL ?? 'http://127.0.0.1:4000'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative: the path below which a server is reached is not known here.
  base: './',
  plugins: [react(), tailwindcss(), compressed()],
  build: {
    outDir: '../server/public',
    emptyOutDir: true,
    target: 'es2022',
    // The first with `light-dark()`.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // Inlined files would be refused by the content policy (`data:` is for images alone).
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
    // The times of plugins are of no use to the person who starts the server.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      '^/(api|docs|openapi.json|healthz|readyz|metrics)(/|$|\\?)': server,
      '^/login\\?code=': server,
    },
  },
})

/** Puts a compressed file beside each large one, so that the server need not compress it at every request. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle({ dir = '' }) {
      for (const path of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(?:js|css)$/.test(path)) continue
        writeFileSync(join(dir, `${path}.gz`), gzipSync(readFileSync(join(dir, path)), { level: 9 }))
      }
    },
  }
}
