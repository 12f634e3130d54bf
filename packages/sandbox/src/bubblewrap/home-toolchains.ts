/**
 * Toolchains that people install below their home: which directories of a PATH belong to one, what its programs
 * need besides, and the variables that lead them there, since the home of a run is another one.
 *
 * Nothing here may hold a secret: `~/.cargo` has the credentials of a registry in it, and so only `~/.cargo/bin`
 * is shown.
 */
import { homedir } from 'node:os'

interface HomeToolchain {
  /** A directory of the PATH, relative to the home. The first group is shown. */
  programs: RegExp
  /** Shown as well where it exists, relative to the home. */
  needs?: readonly string[]
  /** Name → directory, relative to the home. */
  env?: Readonly<Record<string, string>>
}

const toolchains: readonly HomeToolchain[] = [
  // Node
  { programs: /^(\.nvm\/versions\/node\/[^/]+)\/bin$/ },
  { programs: /^((?:\.fnm|\.local\/share\/fnm)\/node-versions\/[^/]+\/installation)\/bin$/ },
  { programs: /^(\.volta)\/bin$/, env: { VOLTA_HOME: '.volta' } },
  { programs: /^(\.(?:npm-global|npm-packages))\/bin$/ },
  { programs: /^(\.local\/share\/pnpm)(?:\/bin)?$/ },
  { programs: /^(\.yarn\/bin)$/ },
  { programs: /^(\.bun\/bin)$/, needs: ['.bun/install/global'] },
  { programs: /^(\.deno\/bin)$/ },
  // Python
  {
    programs: /^(\.pyenv)\/(?:bin|shims|versions\/[^/]+\/bin|plugins\/[^/]+\/(?:bin|shims))$/,
    env: { PYENV_ROOT: '.pyenv' },
  },
  { programs: /^(\.local\/share\/uv\/python\/[^/]+)\/bin$/ },
  { programs: /^((?:ana|mini)conda3?|miniforge3?|mambaforge)\/(?:bin|condabin|envs\/[^/]+\/bin)$/ },
  {
    programs: /^(\.local\/bin)$/,
    needs: [
      '.local/pipx/venvs',
      '.local/share/pipx/venvs',
      '.local/share/pypoetry/venv',
      '.local/share/uv/python',
      '.local/share/uv/tools',
    ],
  },
  // Go
  { programs: /^(go\/bin)$/ },
  { programs: /^((?:sdk\/|\.local\/|\.)?go[0-9.]*)\/bin$/ },
  // Rust
  { programs: /^(\.cargo\/bin)$/, needs: ['.rustup'], env: { RUSTUP_HOME: '.rustup' } },
  // Others
  { programs: /^(\.rbenv)\/(?:bin|shims|versions\/[^/]+\/bin)$/, env: { RBENV_ROOT: '.rbenv' } },
  { programs: /^(\.asdf)\/(?:bin|shims)$/, env: { ASDF_DATA_DIR: '.asdf' } },
  {
    programs: /^(\.local\/share\/mise)\/(?:shims|installs\/.+)$/,
    env: { MISE_DATA_DIR: '.local/share/mise' },
  },
  { programs: /^(\.sdkman\/candidates)\/[^/]+\/[^/]+\/bin$/ },
  { programs: /^(\.dotnet)(?:\/tools)?$/, env: { DOTNET_ROOT: '.dotnet' } },
  { programs: /^(\.linuxbrew)\/s?bin$/ },
  { programs: /^(\.(?:composer|config\/composer)\/vendor)\/bin$/ },
  { programs: /^(bin)$/ },
]

/** Variables of the server that say where a toolchain lies; they pass when a run may see what they name. */
export const locationVariables = [
  'ASDF_DATA_DIR',
  'DOTNET_ROOT',
  'GOROOT',
  'JAVA_HOME',
  'MISE_DATA_DIR',
  'PYENV_ROOT',
  'RBENV_ROOT',
  'RUSTUP_HOME',
  'VOLTA_HOME',
]

export interface FoundToolchain {
  /** Relative to the home. */
  shown: string[]
  env: Readonly<Record<string, string>>
}

/** `directory` is relative to a home. */
export function homeToolchainOf(directory: string): FoundToolchain | null {
  for (const { programs, needs = [], env = {} } of toolchains) {
    const root = programs.exec(directory)?.[1]
    if (root !== undefined) return { shown: [root, ...needs], env }
  }
  return null
}

/** A path of the configuration, where `~` is the home of the server's user. */
export function withHome(path: string, home: string = homedir()): string {
  return path === '~' || path.startsWith('~/') ? `${home}${path.slice(1)}` : path
}
