/** The program. Importing it runs it; everything it does is in `cli/`. */
import { exitCodes } from '#cli/exit-codes'
import { main } from '#cli/program'

const { stdout, stderr } = process
for (const stream of [stdout, stderr]) {
  // `millrace follow … | head`: a reader that has left is not a failure worth a message.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.brokenPipe)
    throw error
  })
}

const code = await main(process.argv.slice(2), {
  stdout,
  stderr,
  // Opened only by the command that reads it.
  get stdin() {
    return process.stdin
  },
  env: process.env,
  cwd: process.cwd(),
})
for (const stream of [stdout, stderr]) await new Promise((written) => stream.write('', written))
process.exit(code)
