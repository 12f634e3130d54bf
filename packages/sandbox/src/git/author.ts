/** The identity that the owner of a project commits with, for the commits of its runs. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { homeOf, type Identity } from '#identity'

/** Nobody who could plant a repository's configuration can write here, so every owner is safe. */
const safe = '[safe]\n\tdirectory = *\n'
const keptMs = 60_000

/**
 * Owns: the answers of the last minute, by project. Only the owner's own files are read: what the repository says is
 * read inside.
 */
export class Authors {
  readonly #git: string | null
  /** Of the server's own user. */
  readonly #home: string
  readonly #known = new Map<string, { at: number; text: Promise<string> }>()

  /** `git` is the absolute path of the program, or null. */
  constructor(git: string | null, home: string) {
    this.#git = git
    this.#home = home
  }

  /** Returns the text of the system's git configuration for runs in the project. */
  configFor(projectPath: string, identity: Identity): Promise<string> {
    const known = this.#known.get(projectPath)
    if (known !== undefined && Date.now() - known.at < keptMs) return known.text
    const text = this.#read(projectPath, identity).then((user) => safe + user)
    this.#known.set(projectPath, { at: Date.now(), text })
    return text
  }

  async #read(projectPath: string, { uid, become }: Identity): Promise<string> {
    const home = uid === process.getuid?.() ? this.#home : homeOf(uid)
    if (this.#git === null || home === null) return ''
    const [program = '', ...args] = [
      ...become,
      this.#git,
      ...['config', '--global', '--includes', '--null', '--get-regexp', '^user\\.(name|email)$'],
    ]
    try {
      // In the project, because an owner's `includeIf` may depend on the directory.
      const env = { HOME: home, GIT_CONFIG_NOSYSTEM: '1' }
      const { stdout } = await promisify(execFile)(program, args, { cwd: projectPath, env, timeout: 5000 })
      return userSection(stdout)
    } catch {
      // There is no such setting, or no such file.
      return ''
    }
  }
}

function userSection(listed: string): string {
  const user = new Map<string, string>()
  for (const entry of listed.split('\0')) {
    const end = entry.indexOf('\n')
    const value = entry.slice(end + 1)
    if (end !== -1 && !/\p{Cc}/u.test(value)) user.set(entry.slice('user.'.length, end), value)
  }
  const lines = [...user].map(([name, value]) => `\t${name} = "${value.replaceAll(/["\\]/g, '\\$&')}"\n`)
  return lines.length === 0 ? '' : `[user]\n${lines.join('')}`
}
