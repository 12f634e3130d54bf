/** The arguments of bubblewrap: namespaces, mounts, and nothing that is secret (`ps` shows them). */
import { readdirSync, readlinkSync } from 'node:fs'
import { homeFileMode } from '#homes/home-files'
import { entryAt, isDirectory, realPath } from '#paths'
import { systemDirectories } from './toolchain.ts'
import type { View } from './view.ts'

/** Where a run's private home is, inside. */
export const privateHome = '/home/run'
/** Size of each directory in memory; what is written there counts as memory of the run. */
const scratchBytes = 2 * 1024 ** 3
/** The directories in memory that a run may fill, as it sees them. */
export const scratchDirectories = ['/tmp', privateHome, '/dev/shm']

/** What programs look up in /etc and that is no secret. Accounts are made up, see `identity.ts`. */
const etcEntries = [
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'alternatives',
  // Not /etc/ssl and /etc/pki as a whole: private keys lie there as well, and root could read them.
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
]

/** The part that is the same for every run, read from the host once. */
export function systemArguments(): string[] {
  const args: string[] = []
  for (const path of systemDirectories) {
    const entry = entryAt(path)
    if (entry === null) continue
    if (entry.isSymbolicLink()) args.push('--symlink', readlinkSync(path), path)
    else args.push('--ro-bind', path, path)
  }
  for (const name of etcEntries) {
    // The link's target is what is mounted: it may lie where a run sees nothing, as resolv.conf's does.
    const real = realPath(`/etc/${name}`)
    if (real !== null) args.push('--ro-bind', real, `/etc/${name}`)
  }
  args.push('--proc', '/proc', ...coverProc())
  args.push('--dev', '/dev', '--perms', '1777', '--size', String(scratchBytes), '--tmpfs', '/dev/shm')
  args.push('--remount-ro', '/dev')
  args.push('--perms', '1777', '--size', String(scratchBytes), '--tmpfs', '/tmp')
  args.push('--perms', '0700', '--size', String(scratchBytes), '--tmpfs', privateHome)
  return args
}

/**
 * Files of /proc speak to the kernel of the host. Root of a namespace is root to them (measured:
 * kernel.core_pattern could be written), so what may be written there is covered by itself, read-only.
 */
function coverProc(): string[] {
  return readdirSync('/proc')
    .filter((name) => !/^[0-9]+$/.test(name))
    .filter((name) => {
      const entry = entryAt(`/proc/${name}`)
      if (entry === null || entry.isSymbolicLink()) return false
      // Directories of settings and of devices; for files the owner's right to write decides.
      return entry.isDirectory() ? !['tty', 'net', 'self'].includes(name) : (entry.mode & 0o222) !== 0
    })
    .flatMap((name) => ['--ro-bind', `/proc/${name}`, `/proc/${name}`])
}

export interface BoundaryOptions {
  /** `systemArguments()`. */
  system: readonly string[]
  view: View
  cwd: string
  network: boolean
  allowNestedSandbox: boolean
  /** Descriptors of files to be copied in: `[descriptor, destination, mode]`. */
  files: readonly (readonly [descriptor: number, path: string, mode: number])[]
  /** The same for the home, where the run may change them: `[descriptor, path below the home]`. */
  homeFiles: readonly (readonly [descriptor: number, path: string])[]
  /** Descriptor that bubblewrap reports to. */
  statusDescriptor: number
  /** Descriptor of the filter for system calls. */
  filterDescriptor: number | null
  /** Variables the program gets and bubblewrap itself must not. */
  environment: readonly (readonly [name: string, value: string])[]
}

export function boundaryArguments(options: BoundaryOptions): string[] {
  const args = ['--unshare-all', '--unshare-user', '--cap-drop', 'ALL', '--new-session', '--die-with-parent']
  if (!options.allowNestedSandbox) args.push('--disable-userns')
  if (options.network) args.push('--share-net')
  if (options.filterDescriptor !== null) args.push('--seccomp', String(options.filterDescriptor))
  args.push('--json-status-fd', String(options.statusDescriptor), ...options.system)
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
  for (const [path, access] of options.view.mounts) args.push(...mountArguments(path, access))
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
