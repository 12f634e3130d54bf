/** The program. Importing it runs it; everything it does is in `cli/`. */
import { OutputGuard } from '#cli/output'
import { main } from '#cli/program'

const { stdout, stderr } = process
const output = new OutputGuard([stdout, stderr])

const code = await main(process.argv.slice(2), {
  stdout,
  stderr,
  // Opened only by the command that reads it.
  get stdin() {
    return process.stdin
  },
  env: process.env,
  cwd: process.cwd(),
  survive: () => output.survive(),
})
for (const stream of [stdout, stderr]) await new Promise((written) => stream.write('', written))
process.exit(code)
