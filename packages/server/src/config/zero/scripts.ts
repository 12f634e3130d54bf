/** Scripts of `package.json`, by the package manager that the project uses, and of `composer.json`. */
import type { Folder, FoundTool } from './folder.ts'

type Manager = 'npm' | 'pnpm' | 'yarn' | 'bun'

const lockfiles: Record<string, Manager> = {
  'pnpm-lock.yaml': 'pnpm',
  'pnpm-workspace.yaml': 'pnpm',
  'yarn.lock': 'yarn',
  'bun.lock': 'bun',
  'bun.lockb': 'bun',
  'package-lock.json': 'npm',
  'npm-shrinkwrap.json': 'npm',
}

// https://docs.npmjs.com/cli/using-npm/scripts: npm calls these by itself; nothing else should.
const lifecycle = new Set(
  `dependencies prepare prepublish prepublishOnly preinstall install postinstall prepack postpack publish
  postpublish preversion version postversion preuninstall uninstall postuninstall preshrinkwrap shrinkwrap
  postshrinkwrap`.split(/\s+/),
)

/** A server, this one among them, or a program that watches. */
const lastingScript =
  /\bmillrace(?:\.js)?\s+serve\b|--watch\b|\b(?:nodemon|http-server|serve|vite|vite dev|next dev|nuxt dev|astro dev|ng serve|react-scripts start|webpack serve|webpack-dev-server|tsx watch|wrangler dev)\s*$/

export async function packageScripts(folder: Folder): Promise<FoundTool[]> {
  const manifest = await readManifest(folder, 'package.json')
  const scripts = textsOf(manifest?.scripts)
  const names = Object.keys(scripts).filter((name) => {
    const around = /^(?:pre|post)(.+)$/.exec(name)?.[1]
    return !lifecycle.has(name) && (around === undefined || scripts[around] === undefined)
  })
  if (names.length === 0) return []
  const manager = await managerOf(folder, manifest)
  const env = environmentOf(manager)
  return names.map((name) => ({
    id: `${manager}:${name}`,
    title: `${manager} run ${name}`,
    command: [manager, 'run', name],
    lasts: lastingScript.test(scripts[name] ?? ''),
    ...(env === undefined ? {} : { env }),
  }))
}

/** The field wins over the lockfile, as it does for Corepack. */
async function managerOf(folder: Folder, manifest: Manifest | undefined): Promise<Manager> {
  const field = /^(npm|pnpm|yarn|bun)@/.exec(String(manifest?.packageManager))?.[1] as Manager | undefined
  const lockfile = await folder.firstAbove(Object.keys(lockfiles))
  const manager = field ?? (lockfile === undefined ? undefined : lockfiles[lockfile]) ?? 'npm'
  if (manager === 'npm' || (await folder.isInstalled(manager))) return manager
  const because = field === undefined ? lockfile : '"packageManager"'
  folder.warnings.push(`${because} asks for ${manager}, which is not on the PATH: npm runs the scripts.`)
  return 'npm'
}

function environmentOf(manager: Manager): FoundTool['env'] {
  if (manager === 'npm') return { NPM_CONFIG_UPDATE_NOTIFIER: 'false' }
  // Corepack would wait for an answer.
  return manager === 'bun' ? undefined : { COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' }
}

/** Scripts that Composer runs at its own events are left out. */
export async function composerScripts(folder: Folder): Promise<FoundTool[]> {
  const manifest = await readManifest(folder, 'composer.json')
  const titles = textsOf(manifest?.['scripts-descriptions'])
  const names = Object.keys(objectOf(manifest?.scripts)).filter((name) => !/^(?:pre|post)-/.test(name))
  return folder.needing(
    'composer',
    'composer.json',
    names.map((name) => ({
      id: `composer:${name}`,
      title: titles[name] ?? `composer ${name}`,
      command: ['composer', 'run-script', '--timeout=0', name],
    })),
  )
}

type Manifest = Record<string, unknown>

async function readManifest(folder: Folder, name: string): Promise<Manifest | undefined> {
  const text = await folder.read(name)
  if (text === undefined) return undefined
  try {
    return objectOf(JSON.parse(text))
  } catch {
    folder.warnings.push(`${name} is not valid JSON: its scripts are skipped.`)
    return undefined
  }
}

function objectOf(value: unknown): Manifest {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Manifest) : {}
}

function textsOf(value: unknown): Record<string, string> {
  const texts = Object.entries(objectOf(value)).filter((entry) => typeof entry[1] === 'string')
  return Object.fromEntries(texts) as Record<string, string>
}
