/** Takes secrets out of values that are shown to people, who paste them into reports. */

const mask = '********'

/** The last part of a key whose string is a secret. A name in `…Env` is the name of a variable, not its value. */
const secretName =
  /(?:key|token|secret|pass(?:word|wd|phrase)?|pwd|authorization|credentials?|cookie|auth|private|dsn)$/i
const options = /^(--?[\w-]*(?:key|token|secret|password|passwd)[\w-]*=).+$/i
const userInfo = /(:\/\/[^/:@\s]*:)[^/@\s]+(@)/g
/** Shorter text is in other values by chance. */
const secretCharsMin = 8

/** Returns the value without secrets; `known` are the secrets of this server. */
export function masked(key: string, value: unknown, known: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => masked('', item, known))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, masked(name, inner, known)]),
    )
  }
  if (typeof value !== 'string') return value
  if (secretName.test(key.split('.').at(-1) ?? '') || known.includes(value)) return mask
  const secrets = known.filter((secret) => secret.length >= secretCharsMin)
  const shown = value.replace(options, `$1${mask}`).replace(userInfo, `$1${mask}$2`)
  return secrets.reduce((text, secret) => text.replaceAll(secret, mask), shown)
}
