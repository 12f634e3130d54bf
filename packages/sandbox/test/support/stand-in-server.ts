/**
 * A process that opens a sandbox and starts one command in it, as the server does: for tests that
 * need a server with an environment of its own, or one that can be killed.
 */
import { randomUUID } from 'node:crypto'
import { openSandbox } from '#open'

const { mode, dataDir, project, script, runId, network } = JSON.parse(process.argv[2] ?? '{}')
const sandbox = await openSandbox({
  mode,
  readPaths: [],
  dataDir,
  configFile: null,
  projects: [{ id: 'p', path: project }],
})
const child = await sandbox.spawn({
  runId: runId ?? randomUUID(),
  argv: ['sh', '-c', script],
  cwd: project,
  env: {},
  projectPath: project,
  network: network ?? false,
  allowNestedSandbox: false,
  limits: {},
})
process.stdout.write(`${JSON.stringify({ pid: child.pid, startTime: child.startTime })}\n`)
child.stdin.end()
child.stdout.pipe(process.stdout)
child.stderr.pipe(process.stderr)
await child.exited
await sandbox.close()
