/** From a request for a session to the spec of its run. */
import { realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isWithin } from '@millrace/policy'
import { boundedFields, type FieldError, listOf, MillraceError } from '@millrace/protocol'
import { promptText } from '@millrace/protocol/schemas'
import { builtInAgent } from '#config/agents/read'
import type { Project } from '#config/config'

/** In the spec of a fork. */
export interface ForkSpec {
  /** How many entries of the other transcript it begins with. */
  entries: number
  /** A commit with the files of that time. Absent: it works with the files as they are. */
  files?: string
}

/** The spec in a session's row. */
export interface SessionSpec {
  project: string
  prompt: string
  /** Absolute, links resolved, inside the project. Absent: the project itself. */
  cwd?: string
  model?: string
  approvals?: 'on' | 'off'
  /** Whether its agent may put questions to people. */
  questions?: 'on' | 'off'
  interactive?: boolean
  idleSeconds?: number
  /** Absent: the built-in one. */
  agent?: string
  /** The branch of the worktree it works in. Absent: it works in the project itself. */
  worktree?: string
  /** It begins with a part of another conversation. The server says so, not the request. */
  fork?: ForkSpec
}

/** Checks a request, or the spec of an earlier session. Throws `invalid_request` naming every field at fault. */
export function prepareSession(
  request: Record<string, unknown>,
  config: { projects: ReadonlyMap<string, Project>; agents?: readonly string[] },
): { project: string; spec: Record<string, unknown> } {
  const {
    project: projectId,
    prompt,
    cwd,
    model,
    approvals,
    questions,
    interactive,
    idleSeconds,
    agent = builtInAgent,
    worktree,
    fork,
  } = request as unknown as SessionSpec
  const fields: FieldError[] = []
  const project = config.projects.get(projectId)
  if (project === undefined) fields.push({ path: 'project', expected: knownProjects(projectId, config) })
  if (!promptText.safeParse(prompt).success) {
    fields.push({ path: 'prompt', expected: 'a text that is not blank, of at most 262144 characters' })
  }
  const agents = [builtInAgent, ...(config.agents ?? [])]
  if (!agents.includes(agent)) fields.push({ path: 'agent', expected: knownAgents(agent, agents) })
  const place = project === undefined || cwd === undefined ? undefined : placeIn(project, cwd)
  if (place !== undefined && 'expected' in place) fields.push({ path: 'cwd', expected: place.expected })
  if (project === undefined || fields.length > 0) {
    // The problem of a project is a sentence by itself.
    const told = boundedFields(fields).map(({ path, expected }) =>
      path === 'project' ? expected : `${path}: ${expected}`,
    )
    throw new MillraceError('invalid_request', told.join('; '), { fields })
  }
  const spec: SessionSpec = {
    project: project.id,
    prompt,
    ...(place !== undefined && 'path' in place ? { cwd: place.path } : {}),
    ...(model === undefined ? {} : { model }),
    ...(approvals === undefined ? {} : { approvals }),
    ...(questions === undefined ? {} : { questions }),
    ...(interactive === undefined ? {} : { interactive }),
    ...(idleSeconds === undefined ? {} : { idleSeconds }),
    ...(agent === builtInAgent ? {} : { agent }),
    ...(worktree === undefined ? {} : { worktree }),
    ...(fork === undefined ? {} : { fork }),
  }
  return { project: project.id, spec: { ...spec } }
}

/** Returns where a path of a request leads, or what was expected. Reveals nothing about places outside. */
function placeIn(project: Project, cwd: unknown): { path: string } | { expected: string } {
  const inside = { expected: `a working directory inside the project ${project.id}` }
  if (typeof cwd !== 'string' || cwd === '' || cwd.includes('\0')) return inside
  const named = resolve(project.path, cwd)
  let path: string
  try {
    path = realpathSync(named)
  } catch {
    return isWithin(project.path, named)
      ? { expected: `a working directory that exists: there is no ${shorten(cwd)} in the project` }
      : inside
  }
  if (!isWithin(project.path, path)) return inside
  return statSync(path).isDirectory()
    ? { path }
    : { expected: `a working directory: ${shorten(cwd)} is a file` }
}

const shown = 20

function knownProjects(given: unknown, { projects }: { projects: ReadonlyMap<string, Project> }): string {
  const names = [...projects.keys()]
  const listed = names.length > shown ? `${names.slice(0, shown).join(', ')}, …` : names.join(', ')
  return `There is no project ${shorten(String(given))}; known: ${listed || 'none'}`
}

function knownAgents(given: unknown, agents: readonly string[]): string {
  return `one of the agents ${listOf(agents)}: ${shorten(String(given))} is not in the configuration ("agents")`
}

function shorten(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
