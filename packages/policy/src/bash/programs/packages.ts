/** Package managers: they install and run the project's own; they do not publish, nor change the system. */
import type { Call, Rule, Rules } from '#bash/call'
import { isUnknown, show } from '#bash/symbols'
import { argumentsOf } from './interpreters.ts'

const withCredentials =
  /^(login|logout|adduser|add-user|publish|unpublish|deprecate|owner|token|profile|access|team|org|star|hook|whoami|dist-tag|yank|set-script-shell)$/

function packages(call: Call) {
  const { args, name } = call
  const operands = args.filter((arg) => !arg.startsWith('-'))
  const [action = ''] = operands
  if (withCredentials.test(action)) return call.forbid(`${name} ${action} uses the credentials of a person`)
  if (
    args.some((arg) => /^(-g|--global|--location=global)$/.test(arg)) ||
    (name === 'yarn' && action === 'global')
  )
    call.forbid(`${name} -g changes what is installed for everybody`)
  if (
    args.some((arg) =>
      /^--(script-shell|shell|node-options|node-gyp|globalconfig|userconfig|git|editor|viewer|shell-emulator)(=|$)/.test(
        arg,
      ),
    )
  )
    call.unreadable(
      `${name} is told to run another program by ${show(args.find((arg) => arg.startsWith('--')) ?? '')}`,
    )
  if (isUnknown(args[0] ?? ''))
    call.unreadable(`${name} is given ${show(args[0] ?? '')}, which may be any command`)
  if (/^(config|set)$/.test(action) && !['get', 'list', 'ls'].includes(operands[1] ?? ''))
    call.unreadable(`${name} config changes settings outside the project`)
  if (action === 'pkg' || action === 'set-script') return call.writes('package.json')
  if (/^(init|create|innit)$/.test(action) && operands.length > 1)
    call.unreadable(`${name} ${action} runs a package that the policy does not know`)
  if (/^(exec|x|dlx|explore)$/.test(action))
    return runsPackage({ ...call, args: args.slice(args.indexOf(action) + 1) })
  if (name === 'bun' && /^(-e|--eval|-p|--print)$/.test(args[0] ?? ''))
    call.unreadable('bun -e runs text in a language that is not read')
  if (name === 'deno' && /^(eval|repl|jupyter)$/.test(action))
    call.unreadable(`deno ${action} runs text in a language that is not read`)
  call.runsProject()
  argumentsOf(call, args)
}

/** `npx tsc`: a known program is judged by its own rule, any other as one of the project. */
function runsPackage(call: Call) {
  const { args } = call
  const text = args.findIndex((arg) => /^(-c|--call)$/.test(arg) || arg.startsWith('--call='))
  if (text !== -1) {
    const value = (args[text] ?? '').startsWith('--call=')
      ? (args[text] ?? '').slice('--call='.length)
      : (args[text + 1] ?? '')
    return isUnknown(value) ? call.unreadable('npx -c runs text that is not written out') : call.script(value)
  }
  const start = args.findIndex(
    (arg, index) => !arg.startsWith('-') && !/^(-p|--package|-w|--workspace)$/.test(args[index - 1] ?? ''),
  )
  if (start === -1) return
  if (args.slice(0, start).some((arg) => /^(-p|--package)(=|$)/.test(arg)))
    call.unreadable(`${call.name} takes the program from a package that the policy does not know`)
  const command = args.slice(start)
  const program = (command[0] ?? '').replace(/(.)@[^/]*$/, '$1')
  if (isUnknown(program)) return call.unreadable(`${call.name} runs a package that is not written out`)
  if (known.has(program)) return call.command([program, ...command.slice(1)])
  if (/^(@[\w.-]+\/)?[\w.-]+$/.test(program)) {
    call.unreadable(`${call.name} ${show(program)} runs a package that the policy does not know`)
    return argumentsOf(call, command.slice(1))
  }
  call.unreadable(`${call.name} ${show(program)} runs a package from elsewhere`)
}

/** Names that npx may hand on; filled by `index.ts`'s tables, which all packages of the project pass. */
const known = new Set(
  'rm cp mv cat ls sh bash node tsx ts-node tsc eslint prettier biome vitest jest mocha ava playwright cypress vite webpack rollup esbuild tsup next nuxt astro svelte-check turbo nx lerna prisma drizzle-kit knip depcruise madge publint changeset size-limit c8 nyc stylelint commitlint lint-staged husky tailwindcss postcss concurrently npm-run-all rimraf mkdirp cross-env npm-check-updates typedoc storybook swc oxlint oxfmt vue-tsc ng nodemon serve http-server wait-on tap xo standard find git curl env npm pnpm yarn'.split(
    ' ',
  ),
)

function pip(call: Call) {
  const [action = ''] = call.args.filter((arg) => !arg.startsWith('-'))
  if (/^(config|upload|publish)$/.test(action))
    return call.forbid(`${call.name} ${action} uses settings or credentials of a person`)
  if (call.name === 'uv' && /^(run|tool|x)$/.test(action)) {
    const rest = call.args.slice(call.args.indexOf(action) + 1)
    const start = rest.findIndex((arg) => !arg.startsWith('-'))
    if (start !== -1) return call.command(rest.slice(start))
  }
  if (call.name === 'poetry' && action === 'run')
    return call.command(call.args.slice(call.args.indexOf('run') + 1))
  if (call.args.some((arg) => /^--(config-settings?|python|executable)/.test(arg)))
    call.unreadable(`${call.name} is told which program to run`)
  call.runsProject()
  argumentsOf(call, call.args)
}

const bundler: Rule = (call) => {
  if (call.args[0] === 'exec') return call.command(call.args.slice(1))
  call.runsProject()
  argumentsOf(call, call.args)
}

export const packageRules: Rules = {
  npm: packages,
  pnpm: packages,
  yarn: packages,
  bun: packages,
  deno: packages,
  npx: runsPackage,
  pnpx: runsPackage,
  bunx: runsPackage,
  uvx: runsPackage,
  pip,
  pipx: pip,
  uv: pip,
  poetry: pip,
  pdm: pip,
  hatch: pip,
  bundle: bundler,
  composer: bundler,
}
