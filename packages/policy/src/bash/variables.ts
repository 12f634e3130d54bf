/** Which variables a command may set. What is not listed may steer bash or the programs it starts. */
import { isUnknown, plainText } from './symbols.ts'

/** Names that are a script's own: lower case, a single letter, or a word that no program is known to obey. */
const own =
  /^(?!(npm|pnpm|yarn|bun|git|pip|cargo|node|bash)_|.*_(proxy|editor|pager|hook|hooks)$|(histchars|auto_resume|path|cdpath|prompt|prefix|cc|cxx|shell|editor|pager)$)([a-z_][a-z0-9_]*|[A-Z]|VERSION|NAME|FILE|FILES|DIR|OUT|OUTPUT|RESULT|COUNT|URL|BRANCH|COMMIT|HASH|SHA|MSG|PID|STATUS|OLD|NEW|LINE|TOTAL|START|END|SRC|DEST|REPLY)$/

/** Variables for programs, with the values they may have. */
const forPrograms: readonly [names: RegExp, values: RegExp][] = [
  [/^(CI|DEBUG_COLORS|FORCE_COLOR|NO_COLOR|CLICOLOR|CLICOLOR_FORCE|VERBOSE|PORT|COLUMNS|LINES)$/, /^\w*$/],
  [/^(NODE_ENV|RAILS_ENV|RACK_ENV|APP_ENV|MIX_ENV|FLASK_ENV|LOG_LEVEL)$/, /^[a-z]*$/],
  [
    /^(TZ|LANG|LC_ALL|LC_COLLATE|LC_CTYPE|LC_TIME|LC_NUMERIC)$/,
    /^(?!.*\.\.)[A-Za-z][\w.+-]*(\/[A-Z][A-Za-z_]+)?$/,
  ],
  [
    /^(PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE|PYTHONHASHSEED|PYTHONUTF8|CGO_ENABLED|RUST_BACKTRACE)$/,
    /^[01a-z]*$/,
  ],
  [/^RUST_LOG$/, /^[a-z_:,=]*$/],
  [/^(GOOS|GOARCH)$/, /^[a-z0-9]+$/],
  [/^NODE_OPTIONS$/, /^--max-old-space-size=\d+$/],
  [/^DEBIAN_FRONTEND$/, /^noninteractive$/],
  [/^(GIT_PAGER|PAGER|MANPAGER|SYSTEMD_PAGER)$/, /^(cat)?$/],
  [/^(GIT_EDITOR|GIT_SEQUENCE_EDITOR|EDITOR|VISUAL)$/, /^(true|:)$/],
  [/^GIT_(TERMINAL_PROMPT|OPTIONAL_LOCKS)$/, /^[01]$/],
  [/^GIT_MERGE_AUTOEDIT$/, /^no$/],
]

/** May a script set this variable of its own to anything, without handing it to programs? */
export function maySet(name: string): boolean {
  return own.test(name)
}

/** May it be handed to programs with this value? */
export function mayExport(name: string, value: string): boolean {
  if (isUnknown(value)) return false
  const plain = value.replaceAll(plainText, '0')
  return forPrograms.some(([names, values]) => names.test(name) && values.test(plain))
}

/** Keys of the model that the agent's own program holds. */
const modelKeys = /^(ANTHROPIC_(API_KEY|AUTH_TOKEN)|CLAUDE_CODE_OAUTH_TOKEN)$/
const secretWords =
  /(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH|COOKIE)(_|$)/i

export const isModelKey = (name: string): boolean => modelKeys.test(name)
export const remembersSecret = (name: string): boolean => secretWords.test(name)
