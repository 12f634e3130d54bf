/** Reads the `projects` section: the directories in which runs may work. */
import { access, constants, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import type { Project } from './config.ts'
import type { Problems } from './problems.ts'
import { projectId, projectSchema } from './schema.ts'

/**
 * Returns the valid projects by id, with paths relative to `folder`; reports the problems of the others. `absent`: called
 * instead with what is wrong with a directory, where other nodes may have it.
 */
export async function readProjects(
  section: unknown,
  folder: string,
  problems: Problems,
  absent: ((warning: string) => void) | null = null,
): Promise<Map<string, Project>> {
  const projects = new Map<string, Project>()
  if (section === undefined) {
    problems.add('projects', 'an object with at least one project: { "<id>": { "path": "<directory>" } }')
    return projects
  }
  if (section === null || typeof section !== 'object' || Array.isArray(section)) {
    problems.add('projects', 'an object with one entry for each project')
    return projects
  }
  const entries = Object.entries(section)
  if (entries.length === 0) problems.add('projects', 'at least one project')
  for (const [id, value] of entries) {
    const at = `projects.${id}`
    problems.parse(at, projectId, id)
    const parsed = problems.parse(at, projectSchema, value)
    if (parsed === undefined) continue
    const path = await directory(resolve(folder, withHome(parsed.path)))
    if (typeof path === 'string') projects.set(id, { id, path })
    else if (absent === null) problems.add(`${at}.path`, path.expected)
    else absent(`This worker does not have the project ${id}: ${path.expected}.`)
  }
  return projects
}

/** Returns the directory with its links resolved, or what was expected instead. */
export async function directory(path: string): Promise<string | { expected: string }> {
  try {
    const real = await realpath(path)
    if (!(await stat(real)).isDirectory()) return { expected: `a directory; ${path} is not one` }
    await access(real, constants.R_OK | constants.X_OK)
    return real
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return { expected: `an existing directory; ${path} does not exist` }
    return { expected: `a directory that this user may read; ${path}: ${code ?? String(error)}` }
  }
}

function withHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path
}
