/** Variables that change which code programs run, and those that hold credentials. */
import { isUnknown } from './symbols.ts'

/** A shell or the linker of programs obeys these, as do programs that start others. */
const steering =
  /^(PATH|IFS|ENV|BASH_ENV|BASH_FUNC_.*|BASHOPTS|SHELLOPTS|SHELL|PS[0-4]|PROMPT_COMMAND|HOME|CDPATH|GLOBIGNORE|FIGNORE|EXECIGNORE|BASH_LOADABLES_PATH|BASH_XTRACEFD|HISTFILE|INPUTRC|POSIXLY_CORRECT|TERMINFO|TERMCAP|LOCPATH|NLSPATH|GCONV_PATH|HOSTALIASES|RES_OPTIONS|NODE_REPL_.*|NODE_EXTRA_CA_CERTS|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|MAKEFLAGS|GNUMAKEFLAGS|MAKEFILES|MAKESHELL|COMPOSER_HOME|TAR_OPTIONS|TAPE|RSH|LESSOPEN|LESSCLOSE|LESS|MORE|MANOPT|PYTHON(STARTUP|HOME|INSPECT|WARNINGS|BREAKPOINT|USERBASE)|PERL5?(OPT|LIB|DB)|PERL5DB|RUBY(OPT|LIB|SHELL)|LUA_.*|PHP(RC|_INI_SCAN_DIR)|GIT_(?!AUTHOR_|COMMITTER_|PAGER$|TERMINAL_PROMPT$|OPTIONAL_LOCKS$|TRACE).*|SSH_.*|LD_.*|DYLD_.*|GCC_EXEC_PREFIX|COMPILER_PATH|RUSTC|RUSTDOC|RUSTFMT|CARGO_(BUILD|TARGET|ALIAS)_.*|GOFLAGS|GOROOT|CC|CXX|AR|LINKER|npm_config_.*|NPM_CONFIG_.*|YARN_.*|pnpm_config_.*|PIP_(CONFIG_FILE|INDEX_URL|EXTRA_INDEX_URL)|UV_INDEX.*|DOCKER_.*|KUBECONFIG|AWS_.*|EDITOR|VISUAL|PAGER|BROWSER|.*_(EDITOR|PAGER|COMMAND|WRAPPER|ASKPASS|PRELOAD|SHELL|LAUNCHER|HOOK|HOOKS))$/

/** Values under which a steering variable does nothing worse than it says. */
const harmless: readonly [name: RegExp, value: RegExp][] = [
  [/^((GIT_|MAN|SYSTEMD_|AWS_|GH_)?PAGER|GIT_PAGER)$/, /^(cat|less|)$/],
  [/^(GIT_EDITOR|EDITOR|VISUAL|GIT_SEQUENCE_EDITOR)$/, /^(true|:|cat)$/],
  [/^IFS$/, /^[,:;\n|=]?$/],
  [/^PYTHONWARNINGS$/, /^[a-z:]+$/i],
  [/^GIT_(MERGE_AUTOEDIT|EDITOR)$/, /^(no|true|:)$/],
  [/^GOFLAGS$/, /^-(mod=(mod|vendor|readonly)|count=\d+|race|v)$/],
  [/^(CC|CXX)$/, /^(gcc|g\+\+|clang|clang\+\+|cc|c\+\+)(-\d+)?$/],
  [/^npm_config_(yes|loglevel|audit|fund|update_notifier)$/i, /^\w+$/],
  [/^MAKEFLAGS$/, /^-?j\d+$/],
]
const nodeOptions =
  /^(--(max-old-space-size=\d+|no-warnings|experimental-[a-z-]+|enable-source-maps|trace-[a-z-]+|unhandled-rejections=\w+|no-deprecation|openssl-legacy-provider|preserve-symlinks|stack-trace-limit=\d+)(?!-loader)(\s+|$))*$/

/** Does setting the variable to this make programs do something else than they say? */
export function steers(name: string, value: string): boolean {
  if (name === 'NODE_OPTIONS') return isUnknown(value) || value.includes('loader') || !nodeOptions.test(value)
  if (!steering.test(name)) return false
  if (isUnknown(value)) return true
  return !harmless.some(([names, values]) => names.test(name) && values.test(value))
}

const secretWords =
  /(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH|COOKIE)(_|$)/i

export function remembersSecret(name: string): boolean {
  return secretWords.test(name)
}
