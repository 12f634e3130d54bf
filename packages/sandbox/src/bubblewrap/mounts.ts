/** The arguments of bubblewrap: namespaces and mounts. They contain no secrets, because `ps` shows them. */
import { readdirSync, readlinkSync } from 'node:fs'
import { homeFileMode } from '#homes/home-files'
import { entryAt, isDirectory, realPath } from '#paths'
import { systemDirectories } from './toolchain.ts'
import type { View } from './view.ts'

/** The path of a run's private home inside the boundary. */
export const privateHome = '/home/run'
/** Sizes of a run's in-memory directories. Their content counts as memory of the run. */
export interface ScratchSizes {
  temporaryBytes: number
  homeBytes: number
}
const defaultBytes = 2 * 1024 ** 3
export const defaultSizes: ScratchSizes = { temporaryBytes: defaultBytes, homeBytes: defaultBytes }
/** Of a directory with generated files. */
const ownDirectoryBytes = 4 * 1024 ** 2
/** The in-memory directories of a run, as the run sees them. */
export const scratchDirectories = ['/tmp', privateHome, '/dev/shm']

/** Entries of /etc that programs look up and that are not secret. Accounts are generated, see `identity.ts`. */
const etcEntries = [
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'alternatives',
  // Not all of /etc/ssl and /etc/pki: they also contain private keys, which root could read.
  'ssl/certs',
  'ssl/openssl.cnf',
  'ssl/cert.pem',
  'pki/ca-trust/extracted',
  'pki/tls/certs',
  'pki/tls/cert.pem',
  'crypto-policies',
  'ca-certificates',
  'ca-certificates.conf',
  'nsswitch.conf',
  'host.conf',
  'hosts',
  'resolv.conf',
  'localtime',
  'protocols',
  'services',
  'mime.types',
  // Chromium's start script, and what it draws text with.
  'chromium.d',
  'fonts',
]

/** Returns the arguments that are the same for every run. Reads the host once. */
export function systemArguments({ temporaryBytes, homeBytes }: ScratchSizes): string[] {
  const args: string[] = []
  for (const path of systemDirectories) {
    const entry = entryAt(path)
    if (entry === null) continue
    if (entry.isSymbolicLink()) args.push('--symlink', readlinkSync(path), path)
    else args.push('--ro-bind', path, path)
  }
  for (const name of etcEntries) {
    // Mount the target of a link: it may lie where a run sees nothing, as that of resolv.conf does.
    const real = realPath(`/etc/${name}`)
    if (real !== null) args.push('--ro-bind', real, `/etc/${name}`)
  }
  args.push('--proc', '/proc', ...coverProc())
  args.push('--dev', '/dev', '--perms', '1777', '--size', String(defaultBytes), '--tmpfs', '/dev/shm')
  args.push('--remount-ro', '/dev')
  args.push('--perms', '1777', '--size', String(temporaryBytes), '--tmpfs', '/tmp')
  args.push('--perms', '0700', '--size', String(homeBytes), '--tmpfs', privateHome)
  return args
}

/**
 * Writing to files of /proc changes the host's kernel. To them, root in a namespace is root (measured:
 * kernel.core_pattern was writable). So every writable entry is mounted over itself, read-only.
 */
function coverProc(): string[] {
  return readdirSync('/proc')
    .filter((name) => !/^[0-9]+$/.test(name))
    .filter((name) => {
      const entry = entryAt(`/proc/${name}`)
      if (entry === null || entry.isSymbolicLink()) return false
      // Directories contain settings and devices. For files, any write permission decides.
      return entry.isDirectory() ? !['tty', 'net', 'self'].includes(name) : (entry.mode & 0o222) !== 0
    })
    .flatMap((name) => ['--ro-bind', `/proc/${name}`, `/proc/${name}`])
}

export interface BoundaryOptions {
  /** `systemArguments()`. */
  system: readonly string[]
  view: View
  cwd: string
  /** The network of the machine, not one of its own. */
  sharesNetwork: boolean
  allowNestedSandbox: boolean
  /** Descriptors of files to copy in: `[descriptor, destination, mode]`. */
  files: readonly (readonly [descriptor: number, path: string, mode: number])[]
  /** The same for the home, where the run may change the files: `[descriptor, path below the home]`. */
  homeFiles: readonly (readonly [descriptor: number, path: string])[]
  /** The directory of the host that is the home; null for one in memory. */
  home: string | null
  /** Directories of the host in the home: what lasts from run to run. */
  caches: readonly { from: string; to: string }[]
  /** Files that the run has copies of, in place of the real ones: `[descriptor, path]`. */
  copies: readonly (readonly [descriptor: number, path: string])[]
  /** Directories that are the run's own, with files in them: `[descriptor, path, mode]`. */
  ownDirectories: readonly {
    path: string
    files: readonly (readonly [descriptor: number, path: string, mode: number])[]
  }[]
  /** Descriptor that bubblewrap reports to. */
  statusDescriptor: number
  /** Descriptor of the filter for system calls. */
  filterDescriptor: number | null
  /** Variables for the program that bubblewrap itself must not get. */
  environment: readonly (readonly [name: string, value: string])[]
}

export function boundaryArguments(options: BoundaryOptions): string[] {
  const args = ['--unshare-all', '--unshare-user', '--cap-drop', 'ALL', '--new-session', '--die-with-parent']
  if (!options.allowNestedSandbox) args.push('--disable-userns')
  if (options.sharesNetwork) args.push('--share-net')
  // Node.js adds these for the channel to the launcher.
  for (const name of ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE']) args.push('--unsetenv', name)
  if (options.filterDescriptor !== null) args.push('--seccomp', String(options.filterDescriptor))
  args.push('--json-status-fd', String(options.statusDescriptor), ...options.system)
  if (options.home !== null) args.push('--bind', options.home, privateHome)
  for (const [descriptor, path, mode] of options.files)
    args.push('--perms', `0${mode.toString(8)}`, '--file', String(descriptor), path)
  for (const [descriptor, path] of options.homeFiles)
    args.push(
      '--perms',
      `0${homeFileMode.toString(8)}`,
      '--file',
      String(descriptor),
      `${privateHome}/${path}`,
    )
  for (const { from, to } of options.caches) args.push('--bind', from, `${privateHome}/${to}`)
  for (const [path, access] of options.view.mounts) args.push(...mountArguments(path, access))
  for (const { path, files } of options.ownDirectories) {
    args.push('--perms', '0755', '--size', String(ownDirectoryBytes), '--tmpfs', path)
    for (const [descriptor, file, mode] of files)
      args.push('--perms', `0${mode.toString(8)}`, '--file', String(descriptor), file)
  }
  for (const [descriptor, path] of options.copies)
    args.push('--perms', '0644', '--bind-data', String(descriptor), path)
  args.push('--remount-ro', '/', '--chdir', options.cwd)
  for (const [name, value] of options.environment) args.push('--setenv', name, value)
  args.push('--')
  return args
}

function mountArguments(path: string, access: View['mounts'][number][1]): string[] {
  switch (access) {
    case 'read':
      return ['--ro-bind', path, path]
    case 'write':
      return ['--bind', path, path]
    case 'hidden':
      if (!isDirectory(path)) return ['--ro-bind', '/dev/null', path]
      return ['--perms', '0555', '--size', '4096', '--tmpfs', path, '--remount-ro', path]
    default:
      return access satisfies never
  }
}
