/** As whom a run's processes run, outside the boundary and in. */
import { statSync } from 'node:fs'

export interface Identity {
  uid: number
  gid: number
  /** Put in front of a command to become this user; empty when we are it already. */
  become: string[]
}

/**
 * A server that is root becomes the owner of the project: a uid that is mapped inside a namespace is
 * still itself outside, and root may write what no boundary mentions. Anybody else stays who they are.
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

/** A minimal `/etc/passwd` and `/etc/group`: who we are and nobody. */
export function accountFiles({ uid, gid }: Identity, home: string): { passwd: string; group: string } {
  const user = uid === 0 ? 'root' : 'run'
  const group = gid === 0 ? 'root' : 'run'
  return {
    passwd: `${user}:x:${uid}:${gid}:${user}:${home}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n`,
    group: `${group}:x:${gid}:\nnogroup:x:65534:\n`,
  }
}
