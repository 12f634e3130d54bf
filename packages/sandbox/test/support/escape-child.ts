/**
 * A server's user that runs one script in each of its projects with each of some networks, and prints what each run
 * printed: for tests that need a server of another user than their own.
 */
import { randomUUID } from 'node:crypto'
import { openSandbox } from '#open'

const { dataDir, projects, networks, script } = JSON.parse(process.argv[2] ?? '{}')
const sandbox = await openSandbox({
  mode: 'required',
  readPaths: [],
  dataDir,
  configFile: null,
  projects: projects.map((path: string, index: number) => ({ id: `p${index}`, path })),
})
try {
  for (const project of projects) for (const network of networks) await attack(project, network)
} finally {
  await sandbox.close()
}

async function attack(project: string, network: boolean | 'internet' | string[]): Promise<void> {
  const child = await sandbox.spawn({
    runId: randomUUID(),
    argv: ['bash', '-c', script],
    cwd: project,
    env: {},
    projectPath: project,
    network,
    allowNestedSandbox: false,
    limits: {},
  })
  child.stdin.end()
  let stdout = ''
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk)
  })
  child.stderr.resume()
  await child.exited
  await child.end(0)
  process.stdout.write(`${JSON.stringify({ project, network, stdout })}\n`)
}
