/**
 * A process with few descriptors that starts commands with none left, then with one, with two … until
 * one starts. Prints, as JSON, how each start ended. To be run with a low limit of open files.
 */
import { randomUUID } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { finish } from '@millrace/test-support/workspace'
import { openSandbox } from '#open'

const { mode, dataDir, project } = JSON.parse(process.argv[2] ?? '{}')
const sandbox = await openSandbox({
  mode,
  readPaths: [],
  dataDir,
  configFile: null,
  projects: [{ id: 'p', path: project }],
})
const start = async () => {
  const child = await sandbox.spawn({
    runId: randomUUID(),
    argv: ['sh', '-c', 'cat ~/a ~/b'],
    cwd: project,
    env: {},
    projectPath: project,
    network: false,
    allowNestedSandbox: false,
    limits: {},
    homeFiles: new Map([
      ['a', 'in '],
      ['b', 'full'],
    ]),
  })
  return (await finish(child)).stdout
}
// Once with plenty, so that whatever is opened at a first time is open.
const ends = [await start()]
for (let spare = 0; spare < 40; spare++) {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    // All are taken.
  }
  for (const descriptor of taken.splice(0, spare)) closeSync(descriptor)
  const end = await start().catch((error: Error) => error)
  for (const descriptor of taken) closeSync(descriptor)
  ends.push(end instanceof Error ? `${end.name}: ${end.message}` : end)
  if (end === 'in full') break
}
await sandbox.close()
process.stdout.write(JSON.stringify(ends))
