/** The call of one simple command: its questions about paths, answered at its place in the script. */
import { statSync } from 'node:fs'
import { globTrouble } from '#bash/words/globs'
import type { Span } from '#finding'
import type { Call, Input } from './call.ts'
import type { Reading } from './reading.ts'
import type { Scope } from './scope.ts'
import { anyName, isUnknown, show } from './symbols.ts'
import { maySet } from './variables.ts'

export interface SimpleCallParts {
  reading: Reading
  scope: Scope
  argv: readonly string[]
  /** Where each of `argv` stands in the command, as far as that is known. */
  spans: readonly (Span | undefined)[]
  input: Input
  /** Reads further shell text, or a command through a wrapper, at the same place. */
  readScript(text: string): void
  /** Text that runs at another time, with whatever values variables then have. */
  readLater(text: string): void
  readCommand(argv: readonly string[], spans: readonly (Span | undefined)[], input: Input): void
}

const systemPrograms = ['/bin', '/sbin', '/usr/bin', '/usr/sbin', '/usr/local/bin', '/opt/homebrew/bin']

/** Programs of the system are known by their name alone; of others the path counts. */
export function isSystemProgram(program: string): boolean {
  return !program.includes('/') || systemPrograms.includes(program.slice(0, program.lastIndexOf('/')))
}

export function simpleCall(parts: SimpleCallParts): Call {
  const { reading, scope, argv, spans, input } = parts
  const { places, sandboxed, home } = reading.options
  const [program = '', ...args] = argv
  const name = program.slice(program.lastIndexOf('/') + 1)
  const spanOf = (about?: string) =>
    about === undefined || reading.full ? undefined : spans[argv.lastIndexOf(about)]
  const at = (path: string, does: string): readonly string[] => {
    // A path takes as long as several words.
    if (!reading.look(4)) return []
    const paths = isUnknown(path) ? null : reading.pathsOf(path, scope)
    if (paths === null)
      reading.unreadable(`it is not known what ${name} ${does} (${show(path)})`, spanOf(path))
    if (path.includes(anyName))
      for (const one of paths ?? []) {
        const trouble = globTrouble(one, reading)
        if (trouble !== null) reading.unreadable(`${show(path)} ${trouble}`, spanOf(path))
      }
    for (const one of paths ?? []) reading.order.uses(one, name)
    return paths ?? []
  }
  const judge = (
    path: string,
    does: string,
    harm: (path: string) => string | null,
    doubt: (path: string) => string | null,
  ): readonly string[] => {
    const paths = at(path, does)
    for (const one of paths) {
      const forbidden = harm(one)
      if (forbidden !== null) reading.forbid(`${name} ${does} what it may not: ${forbidden}`, spanOf(path))
      const reason = forbidden ?? doubt(one)
      if (reason !== null) reading.unreadable(`${name} ${does} ${show(path)}: ${reason}`, spanOf(path))
    }
    return paths
  }
  return {
    name,
    args,
    input,
    sandboxed,
    projectPath: places.project,
    homePath: home,
    forbid: (reason, about) => reading.forbid(reason, spanOf(about)),
    unreadable: (reason, about) => reading.unreadable(reason, spanOf(about)),
    reads(path, deep = false) {
      judge(
        path,
        'reads',
        (one) => places.harmOfRead(one),
        (one) => places.doubtOfRead(one, deep),
      )
    },
    writes(path, content = true) {
      for (const one of judge(path, 'writes', places.harmOfWrite, places.doubtOfWrite)) {
        reading.makes(one)
        if (content) reading.order.writes(one, name)
      }
    },
    isDirectory: (path) =>
      (reading.pathsOf(path, scope) ?? []).some(
        (one) => statSync(one, { throwIfNoEntry: false })?.isDirectory() === true,
      ),
    removes(path) {
      judge(path, 'removes', places.harmOfRemoval, places.doubtOfRemoval)
    },
    changes(path) {
      for (const one of reading.pathsOf(path, scope) ?? ['/']) reading.order.changes(one, name)
    },
    obeys(path) {
      for (const one of reading.pathsOf(path, scope) ?? []) reading.order.obeys(one, name)
    },
    executes(path) {
      for (const one of at(path, 'runs')) {
        if (!places.inProject(one))
          reading.unreadable(`${show(path)} is a program outside the project`, spanOf(path))
        else if (one.includes('/.git/')) reading.unreadable(`${show(path)} is kept by git`, spanOf(path))
        reading.order.runs(one, name)
      }
    },
    runsProject() {
      for (const directory of scope.directories ?? ['/']) {
        if (!places.inProject(directory))
          reading.unreadable(`${name} runs code outside the project`, spanOf(program))
        reading.order.runs(places.project, name)
      }
    },
    command: (inner, from) => {
      const start = argv.length - inner.length
      const same = inner.every((text, index) => text === argv[start + index])
      parts.readCommand(inner, same ? spans.slice(start) : inner.map(() => undefined), from ?? input)
    },
    script: (text) => parts.readScript(text),
    laterScript: (text) => parts.readLater(text),
    sets(variable) {
      if (!maySet(variable))
        reading.unreadable(`${name} sets ${show(variable)}, which other programs may obey`, spanOf(variable))
      scope.taint(variable)
    },
    changesDirectory(path) {
      if (reading.trapped) reading.unreadable(`${name} changes the directory in which a trap will run`)
      if (path === null || isUnknown(path)) scope.moveTo(null)
      else scope.moveTo(directoriesAfter(path, reading, scope))
      if (scope.directories === null) reading.unreadable(`it is not known in which directory ${name} ends`)
    },
    pathsOf: (path) => (isUnknown(path) ? null : reading.pathsOf(path, scope)),
  }
}

/** Where `cd` leads. Bash takes `..` off the text, the kernel follows links: they have to agree. */
function directoriesAfter(path: string, reading: Reading, scope: Scope): readonly string[] | null {
  const { places, projectPath } = reading.options
  if (path === '' || path.length > 4_096 || path.includes(anyName)) return null
  const from = path.startsWith('/') ? ['/'] : scope.directories
  const found = from?.map((directory) => {
    const text =
      path.startsWith(`${projectPath}/`) || path === projectPath
        ? places.project + path.slice(projectPath.length)
        : path
    const logical = normalized(text.startsWith('/') ? text : `${directory}/${text}`)
    const climbs = !places.inProject(logical) && places.inProject(directory) && places.project !== projectPath
    return places.resolve(text, directory, reading) === logical &&
      places.resolve(logical, '/', reading) === logical &&
      !climbs
      ? logical
      : null
  })
  return found === undefined || found.includes(null) ? null : found.flatMap((one) => one ?? [])
}

function normalized(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}
