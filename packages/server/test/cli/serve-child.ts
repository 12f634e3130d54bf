/** `millrace serve` with a scripted server inside, so that the test covers the command alone. */
import { createServer } from 'node:http'
import { serveCommand } from '#cli/commands/serve'
import { listen } from './listen.ts'

const { stdout, stderr, env } = process
const stopMs = Number(env.STOP_MS ?? 10_000)

const code = await serveCommand(
  { port: '0', open: process.argv.includes('--open') },
  { stdout, stderr, env, cwd: process.cwd() },
  {
    stopMs,
    openBrowser: async (url) => {
      stdout.write(`opening ${url}\n`)
      return env.NO_BROWSER ?? null
    },
    exit: (code) => process.exit(code),
    serve: async ({ config, log, onFatal }) => {
      if (env.OPENING) stdout.write('opening\n')
      if (env.OPENING) await new Promise((opened) => setTimeout(opened, Number(env.OPENING)))
      const server = createServer((request, response) => {
        response.end('ok')
        if (request.url === '/fatal') onFatal(new Error('the disk lied'))
      })
      const url = await listen(server)
      log.info({ projects: [...config.projects.keys()] }, 'open')
      return {
        url,
        publicUrl: env.PUBLIC_URL ?? url,
        loginUrl: `${env.PUBLIC_URL ?? url}/login?code=once`,
        stop: async (reason) => {
          stdout.write(`stopping: ${reason}\n`)
          if (env.STOP_MS) await new Promise(() => undefined)
          if (env.SLOW_STOP) await new Promise((stopped) => setTimeout(stopped, Number(env.SLOW_STOP)))
          server.closeAllConnections()
          await new Promise((closed) => server.close(closed))
        },
      }
    },
  },
).catch((error: Error) => {
  stderr.write(`${error.message}\n`)
  return 1
})
process.exit(code)
