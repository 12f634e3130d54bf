/** Builds the console into the server's package, from where `millrace serve` serves it; `npm run dev` serves it itself. */
import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** The running server that the development page talks to. */
const server = process.env.MILLRACE_URL ?? 'http://127.0.0.1:4000'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative: the path below which a server is reached is not known here.
  base: './',
  plugins: [react(), tailwindcss()],
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
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      '^/(api|docs|openapi.json|healthz|readyz|metrics)(/|$|\\?)': server,
      '^/login\\?code=': server,
    },
  },
})
