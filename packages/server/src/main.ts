/** The program. Its import is its start; everything it does is in `cli/`. */
import { exitCodes } from '#cli/exit-codes'
import { main } from '#cli/program'

const { stdout, stderr } = process
for (const stream of [stdout, stderr]) {
  // `millrace follow … | head`: nobody reads any more, which is no failure worth a word.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.brokenPipe)
    throw error
  })
}

const code = await main(
  process.argv.slice(2),
  {
    stdout,
    stderr,
    // Opened by who reads it: a server has no use for it.
    get stdin() {
      return process.stdin
    },
    env: process.env,
    cwd: process.cwd(),
  },
  {
    // Loaded only to serve: the clients start without it.
    serve: async (options) => (await import('#compose/serve')).serve(options),
    openCredentials: async () => (await import('#store/sqlite/upkeep/credential-file')).openCredentialFile,
    exit: (now) => process.exit(now),
  },
)
for (const stream of [stdout, stderr]) await new Promise((written) => stream.write('', written))
process.exit(code)
