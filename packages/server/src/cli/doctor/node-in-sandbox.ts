/** Checks whether Node can run in the sandbox, as the owner of each project: the file tools of executions need it. */
import { realpathSync, statSync } from 'node:fs'
import { messageOf } from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import type { Check } from './check.ts'

interface CheckedProject {
  id: string
  path: string
}

/** Starts one process for each owner that projects have. */
export async function checkNodeInSandbox(
  sandbox: Sandbox,
  projects: Iterable<CheckedProject>,
  node = realpathSync(process.execPath),
): Promise<Check[]> {
  const owners = new Map([...projects].map((project) => [statSync(project.path).uid, project]))
  const problems = await Promise.all(
    [...owners.values()].map(async (project) => ({
      project,
      problem: await problemIn(sandbox, project, node),
    })),
  )
  return problems.flatMap(({ project, problem }): Check[] => {
    if (problem === null) return []
    const detail = `the file tools of executions cannot run in ${project.id}, because its owner cannot run Node (${node}): ${problem}`
    return [{ name: 'sandbox', status: 'warn', detail }]
  })
}

async function problemIn(sandbox: Sandbox, { path }: CheckedProject, node: string): Promise<string | null> {
  try {
    const child = await sandbox.spawn({
      runId: crypto.randomUUID(),
      argv: [node, '--version'],
      cwd: path,
      env: {},
      projectPath: path,
      network: false,
      allowNestedSandbox: false,
      limits: {},
      stdin: 'none',
      readPaths: [node],
    })
    let words = ''
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = `${words}${text}`.slice(-500)
    })
    const { code, signal } = await child.exited
    await child.end(0)
    if (code === 0) return null
    return words.trim().split('\n').at(-1) || (signal ?? `it ended with exit code ${code}`)
  } catch (error) {
    return messageOf(error)
  }
}
