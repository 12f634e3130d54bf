/** The environment of a run's processes: an allow-list, never the server's environment. */
import { runIdVariable } from '#processes/processes'
import type { SandboxedCommand } from './sandbox.ts'

/** Variables that the sandbox sets itself. A tool cannot change them. */
export interface Places {
  path: readonly string[]
  home: string
  temporary: string
  /** Variables that lead programs to their files; a command may set others. */
  toolchain?: Readonly<Record<string, string>>
  /** Variables that lead programs out of the run. A command cannot set others: they would lead nowhere. */
  proxy?: Readonly<Record<string, string>>
}

export function childEnvironment(
  command: Pick<SandboxedCommand, 'env' | 'runId'>,
  { path, home, temporary, toolchain = {}, proxy = {} }: Places,
): Record<string, string> {
  return {
    ...toolchain,
    ...command.env,
    ...proxy,
    PATH: path.join(':'),
    HOME: home,
    TMPDIR: temporary,
    [runIdVariable]: command.runId,
  }
}

/**
 * Removes the variables that name certificates which this run cannot see. A program that is given the name of
 * a missing file would trust no certificate at all.
 */
export function withoutHidden<Command extends Pick<SandboxedCommand, 'env'>>(
  command: Command,
  certificates: readonly string[],
  visible: (path: string) => boolean,
): Command {
  const hidden = new Set(certificates.filter((path) => !visible(path)))
  const env = Object.entries(command.env).filter(
    ([, value]) => !value.split(':').some((path) => hidden.has(path)),
  )
  return { ...command, env: Object.fromEntries(env) }
}

/** Variables that make the loader or the C library load or read the files they name. */
const loaderVariable =
  /^(LD_|GCONV_PATH$|GLIBC_TUNABLES$|LOCPATH$|MALLOC_|NLSPATH$|RES_OPTIONS$|HOSTALIASES$|TZDIR$)/

/**
 * Splits an environment into the variables that the programs outside the boundary may inherit, and those that
 * only the program inside may get. If `LD_PRELOAD` named a file of the project, that file would run outside.
 */
export function splitEnvironment(environment: Readonly<Record<string, string>>): {
  inherited: Record<string, string>
  inside: [string, string][]
} {
  const entries = Object.entries(environment)
  return {
    inherited: Object.fromEntries(entries.filter(([name]) => !loaderVariable.test(name))),
    inside: entries.filter(([name]) => loaderVariable.test(name)),
  }
}
