/** The user that a run's processes have, outside the boundary and inside. */
import { readFileSync, statSync } from 'node:fs'

export interface Identity {
  uid: number
  gid: number
  /** A command prefix that switches to this user. Empty if we are that user already. */
  become: string[]
}

/**
 * Returns the user for a project. A server that runs as root becomes the project's owner: a uid that is mapped
 * inside a namespace is still itself outside, and root may write to everything the boundary does not cover. Any
 * other server keeps its user.
 */
export function identityFor(projectPath: string, setpriv: string | null): Identity {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  if (own.uid !== 0 || setpriv === null) return { ...own, become: [] }
  const { uid, gid } = statSync(projectPath)
  if (uid === 0) return { ...own, become: [] }
  return {
    uid,
    gid,
    become: [setpriv, `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'],
  }
}

/** Returns a minimal `/etc/passwd` and `/etc/group`: this user and nobody. */
export function accountFiles({ uid, gid }: Identity, home: string): { passwd: string; group: string } {
  const user = uid === 0 ? 'root' : 'run'
  const group = gid === 0 ? 'root' : 'run'
  return {
    passwd: `${user}:x:${uid}:${gid}:${user}:${home}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n`,
    group: `${group}:x:${gid}:\nnogroup:x:65534:\n`,
  }
}

/** Returns the home of a user, or null if the system knows none. */
export function homeOf(uid: number): string | null {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((one) => one.split(':')[2] === String(uid))
    return line?.split(':')[5] || null
  } catch {
    return null
  }
}
