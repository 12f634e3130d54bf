/** The places where credentials are kept, which no tool reads. */
import { basename, dirname, relative } from 'node:path'
import { couldBe, holdsStandIn } from '#bash/symbols'

export interface SecretPlaces {
  project: string
  home: string
  hidden: readonly string[]
}

/** Below home: what the toolchains of languages need to be read. */
const readableInHome = [
  '.nvm',
  '.pyenv',
  '.rbenv',
  '.rustup',
  '.asdf',
  '.volta',
  '.sdkman',
  '.deno',
  '.cache',
  '.npm',
  '.cargo/bin',
  '.cargo/registry',
  '.local/bin',
  '.local/lib',
  '.bun/bin',
]

const secretDirectories = [
  // Connections, to some programs.
  '/inet',
  '/inet4',
  '/inet6',
  '/etc/ssh',
  '/etc/ssl/private',
  '/etc/sudoers.d',
  '/etc/kubernetes',
  '/etc/docker',
  '/etc/NetworkManager',
  '/run/secrets',
  '/var/run/secrets',
  '/var/run/docker.sock',
  '/run/docker.sock',
  '/run/containerd',
  '/run/podman',
  '/run/user',
  '/var/lib/docker',
  '/var/lib/kubelet',
  '/var/spool/cron',
  '/dev/mem',
  '/dev/kmem',
  '/dev/port',
  '/dev/mapper',
  '/dev/disk',
  '/proc/kcore',
  '/proc/sys',
  '/proc/sysrq-trigger',
  '/sys/kernel',
  '/sys/fs/cgroup',
]
const secretFiles = ['shadow', 'shadow-', 'gshadow', 'gshadow-', 'sudoers', 'krb5.keytab'].map(
  (name) => `/etc/${name}`,
)
/** Of each process: what shows its environment, its memory, its files, or another root directory. */
const secretOfProcess = [
  'environ',
  'mem',
  'maps',
  'root',
  'cwd',
  'exe',
  'fd',
  'fdinfo',
  'auxv',
  'task',
  'map_files',
]
/** Outside the project, files of these names are credentials wherever they are. */
const secretName =
  /^(\.env(\..*)?|id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(pem|key|p12|pfx|kdbx|keytab)|\.netrc|_netrc|\.pgpass|\.npmrc|\.pypirc|\.git-credentials|credentials(\.json)?|\.aws|\.ssh|\.gnupg|\.kube|\.docker|\.azure)$/
const certificates = ['/usr/share/ca-certificates', '/etc/ssl/certs', '/etc/ca-certificates']
/** Where a project holds the home directory itself, only these in it are secret. */
const secretInHomeProject = [
  '.ssh',
  '.aws',
  '.gnupg',
  '.kube',
  '.docker',
  '.azure',
  '.netrc',
  '.npmrc',
  '.config/gcloud',
  '.local/state/millrace',
]

export function isSecret(path: string, places: SecretPlaces): boolean {
  const { project, home, hidden } = places
  if (hidden.some((place) => covers(place, path))) return true
  if (covers(project, home)) {
    if (secretInHomeProject.some((name) => covers(`${home}/${name}`, path))) return true
    if (covers(project, path)) return false
  } else if (covers(project, path)) return false
  return inHome(path, home) || inHomeOfOthers(path, home) || isKey(path, places)
}

/** A place that holds credentials and nothing else: there is nothing to ask a person about. */
export function isKey(path: string, { project, hidden }: SecretPlaces): boolean {
  if (hidden.some((place) => covers(place, path))) return true
  if (covers(project, path)) return false
  return (
    secretDirectories.some((place) => covers(place, path)) ||
    secretFiles.some((file) => couldBe(path, file)) ||
    ofProcess(path, secretOfProcess) ||
    isDisk(path) ||
    namedSecret(path) ||
    /\/\.(ssh|aws|gnupg|kube|docker|azure)\//.test(path)
  )
}

/** Shows the environment or the memory of a process, and with them what credentials it holds. */
export function showsMemory(path: string): boolean {
  return ofProcess(path, ['environ', 'mem'])
}

/** A secret place at or below a directory; null when there is none. */
export function secretBelow(path: string, places: SecretPlaces): string | null {
  const known = [
    ...places.hidden,
    ...(covers(places.project, places.home) ? [] : [`${places.home}/.ssh`]),
    '/root/.ssh',
    '/home/any/.ssh',
    '/etc/shadow',
    '/etc/ssh/any',
    '/proc/self/environ',
    '/run/secrets/any',
    '/var/lib/docker/any',
    '/dev/mem',
  ]
  const inProject = covers(places.project, path)
  return known.find((secret) => !(inProject && covers(places.project, secret)) && above(path, secret)) ?? null
}

/** Is `path`, whose parts may be patterns, the directory above `secret` or the secret itself? */
function above(path: string, secret: string): boolean {
  const parts = path.split('/').filter(Boolean)
  const wanted = secret.split('/').filter(Boolean)
  if (parts.length > wanted.length) return false
  return parts.every((part, index) => couldBe(part, wanted[index] ?? ''))
}

function covers(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)
}

function inHome(path: string, home: string): boolean {
  if (!covers(home, path) || path === home) return false
  const inside = relative(home, path)
  if (!inside.startsWith('.')) return false
  return !readableInHome.some((name) => covers(name, inside))
}

function inHomeOfOthers(path: string, home: string): boolean {
  if (covers(home, path)) return false
  return /^\/root\/./.test(path) || /^\/(home|Users)\/[^/]+\/./.test(path)
}

function ofProcess(path: string, names: readonly string[]): boolean {
  const [proc, id, what] = path.split('/').filter(Boolean)
  if (proc !== 'proc' || id === undefined || what === undefined) return false
  if (!/^(self|thread-self|\d+)$/.test(id) && !holdsStandIn(id)) return false
  return names.some((name) => couldBe(what, name))
}

export function isDisk(path: string): boolean {
  return dirname(path) === '/dev' && /^\/dev\/(sd|hd|vd|xvd|nvme|mmcblk|loop|dm-|md|sr|nbd|zd)/.test(path)
}

function namedSecret(path: string): boolean {
  if (certificates.some((place) => covers(place, path))) return false
  if (/\/(node_modules|site-packages|dist-packages)\//.test(path)) return false
  return secretName.test(basename(path))
}
