/** Reads the `projects` section: which directories work may happen in. */
import { access, constants, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import type { Project } from './config.ts'
import type { Problems } from './problems.ts'
import { projectId, projectSchema } from './schema.ts'

/** The valid projects, by id, relative paths from `folder`; what is wrong with the others is noted. */
export async function readProjects(
  section: unknown,
  folder: string,
  problems: Problems,
): Promise<Map<string, Project>> {
  const projects = new Map<string, Project>()
  if (section === undefined) {
    problems.add('projects', 'an object with at least one project: { "<id>": { "path": "<directory>" } }')
    return projects
  }
  if (section === null || typeof section !== 'object' || Array.isArray(section)) {
    problems.add('projects', 'an object: one entry a project')
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
    else problems.add(`${at}.path`, path.expected)
  }
  return projects
}

/** The directory with its links resolved, or what is wrong with it. */
export async function directory(path: string): Promise<string | { expected: string }> {
  try {
    const real = await realpath(path)
    if (!(await stat(real)).isDirectory()) return { expected: `a directory; ${path} is none` }
    await access(real, constants.R_OK | constants.X_OK)
    return real
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return { expected: `an existing directory; there is no ${path}` }
    return { expected: `a directory this user may read; ${path}: ${code ?? String(error)}` }
  }
}

function withHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path
}
