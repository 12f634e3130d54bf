/** The call of one simple command: its questions about paths, answered at its place in the script. */
import type { Call, Input } from './call.ts'
import { steers } from './environment.ts'
import type { Reading } from './reading.ts'
import type { Scope } from './scope.ts'
import { isUnknown, show, unknownText } from './symbols.ts'

export interface SimpleCallParts {
  reading: Reading
  scope: Scope
  argv: readonly string[]
  input: Input
  /** Reads further shell text, or a command through a wrapper, at the same place. */
  readScript(text: string): void
  /** Text that runs at another time, with whatever values variables then have. */
  readLater(text: string): void
  readCommand(argv: readonly string[], input: Input): void
}

const systemPrograms = [
  '/bin',
  '/sbin',
  '/usr/bin',
  '/usr/sbin',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
]
/** Files whose text a build or a test runs. */
const buildFiles =
  /(^|\/)(package\.json|[Mm]akefile|GNUmakefile|CMakeLists\.txt|build\.rs|build\.gradle(\.kts)?|pom\.xml|setup\.(py|cfg)|pyproject\.toml|conftest\.py|Gemfile|Rakefile|Justfile|justfile|Taskfile\.ya?ml|tox\.ini|noxfile\.py|\.npmrc|\.yarnrc(\.yml)?|\.cargo(\/.*)?|[\w.-]+\.config\.[cm]?[jt]s)$/

export function simpleCall(parts: SimpleCallParts): Call {
  const { reading, scope, argv, input } = parts
  const { places, sandboxed, projectPath } = reading.options
  const [program = '', ...args] = argv
  const name = program.slice(program.lastIndexOf('/') + 1)
  const at = (path: string, what: string): string[] => {
    if (isUnknown(path)) {
      reading.unreadable(`it is not known what ${name} ${what} (${show(path)})`)
      return []
    }
    const paths = reading.pathsOf(path, scope)
    if (paths === null) reading.unreadable(`it is not known in which directory ${name} ${what} ${show(path)}`)
    return paths ?? []
  }
  const refuse = (paths: readonly string[], refusal: (path: string) => string | null, what: string) => {
    for (const path of paths) {
      const reason = refusal(path)
      if (reason !== null) reading.forbid(`${name} ${what} ${reason}`)
    }
  }
  return {
    name,
    args,
    input,
    sandboxed,
    projectPath,
    forbid: (reason) => reading.forbid(reason),
    unreadable: (reason) => reading.unreadable(reason),
    reads(path, deep = false) {
      refuse(at(path, 'reads'), (one) => places.refuseRead(one, deep), 'would read:')
    },
    writes(path) {
      const paths = at(path, 'writes')
      refuse(paths, (one) => places.refuseWrite(one), 'would write:')
      reading.written.push(...paths)
    },
    removes(path) {
      refuse(at(path, 'removes'), (one) => places.refuseRemoval(one), 'would remove:')
    },
    executes(path) {
      for (const one of at(path, 'runs')) {
        if (!places.inProject(one)) reading.unreadable(`${show(path)} is a program outside the project`)
        else if (reading.written.some((written) => isPart(written, one)))
          reading.unreadable(`${show(path)} is written by this very command before it runs`)
      }
    },
    runsProject() {
      const changed = reading.written.find((written) => buildFiles.test(written))
      if (changed !== undefined)
        reading.unreadable(`${name} runs what this very command wrote to ${show(changed)}`)
    },
    command: (inner, from) => parts.readCommand(inner, from ?? input),
    script: (text) => parts.readScript(text),
    laterScript: (text) => parts.readLater(text),
    taints(variable) {
      if (steers(variable, unknownText))
        reading.unreadable(`${name} changes ${variable}, and so which code other programs run`)
      scope.taint(variable)
    },
    changesDirectory(path) {
      if (reading.trapped) reading.unreadable(`${name} changes the directory in which a trap will run`)
      if (path === null || isUnknown(path)) return scope.moveTo(null)
      scope.moveTo(reading.pathsOf(path, scope))
    },
    isOutside: (path) =>
      (reading.pathsOf(path, scope) ?? []).some(
        (one) => !places.inProject(one) && places.refuseWrite(one) !== null,
      ),
  }
}

/** Programs of the system are known by their name alone; of others the path counts. */
export function isSystemProgram(program: string): boolean {
  return !program.includes('/') || systemPrograms.includes(program.slice(0, program.lastIndexOf('/')))
}

function isPart(written: string, path: string): boolean {
  return path === written || path.startsWith(`${written}/`) || /[\u{f0001}\u{f0002}]/u.test(written)
}
