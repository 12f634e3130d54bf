/** bare-spawn-process.ts <folder> <times>: from the sandbox's `spawn` to the first bytes of the program, in ms. */
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openSandbox } from '@millrace/sandbox'

const [folder = '', times = '1'] = process.argv.slice(2)
const [dataDir, projectPath] = [join(folder, 'data'), join(folder, 'project')]
mkdirSync(dataDir)
mkdirSync(projectPath)
const sandbox = await openSandbox({
  mode: 'auto',
  readPaths: [],
  dataDir,
  configFile: null,
  projects: [{ id: 'bench', path: projectPath }],
})
const measured: number[] = []
for (let turn = 0; turn < Number(times); turn++) {
  const startedAt = performance.now()
  const child = await sandbox.spawn({
    runId: `bench-${turn}`,
    argv: ['echo', 'ready'],
    cwd: projectPath,
    env: { LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TERM: 'dumb' },
    projectPath,
    network: false,
    allowNestedSandbox: false,
    limits: {},
  })
  await once(child.stdout, 'data')
  measured.push(performance.now() - startedAt)
  child.stdout.resume()
  child.stderr.resume()
  child.stdin.end()
  await child.exited
}
await sandbox.close()
console.log(JSON.stringify({ boundary: sandbox.report.boundary, measured }))
