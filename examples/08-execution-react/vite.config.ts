/** Serves the page, and passes what it asks of `/api` on to Millrace. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const { MILLRACE_URL = 'http://127.0.0.1:4000', MILLRACE_TOKEN } = process.env

export default defineConfig({
  plugins: [react(), { name: 'needs-a-token', configureServer: needToken }],
  server: {
    // The token stays here, so whoever reaches this port may do what it allows: this machine only.
    host: '127.0.0.1',
    proxy: {
      '/api': {
        target: MILLRACE_URL,
        changeOrigin: true,
        headers: { authorization: `Bearer ${MILLRACE_TOKEN}` },
        configure: (proxy) => void proxy.on('proxyRes', passOnCut),
      },
    },
  },
})

function needToken(): void {
  if (!MILLRACE_TOKEN) throw new Error('Give the token of your server in MILLRACE_TOKEN')
}

/** Vite's proxy keeps a response open when the server behind it is gone: the page would notice a minute later. */
function passOnCut(answer: IncomingMessage, _request: IncomingMessage, response: ServerResponse): void {
  answer.once('close', () => {
    if (!answer.complete) response.destroy()
  })
}
