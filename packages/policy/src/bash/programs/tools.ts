/** Builders, checkers and testers: they run the project's own code, and have no business elsewhere. */
import type { Call, Rules } from '#bash/call'
import { isUnknown, show } from '#bash/symbols'
import { has, take, valuesOf } from './arguments.ts'
import { argumentsOf } from './interpreters.ts'

const tools =
  'tsc eslint prettier biome vitest jest mocha ava tap playwright cypress vite webpack rollup esbuild tsup next nuxt astro svelte-check turbo nx lerna prisma drizzle-kit knip depcruise madge publint changeset size-limit c8 nyc stylelint commitlint lint-staged husky tailwindcss postcss typedoc storybook swc oxlint oxfmt vue-tsc ng npm-check-updates serve http-server wait-on xo standard pytest py.test mypy ruff black isort flake8 pylint pyright coverage tox nox pre-commit mkdocs sphinx-build alembic rustc rustfmt rustup clippy-driver cargo-clippy gofmt goimports golangci-lint staticcheck gotestsum gopls gcc g++ cc c++ clang clang++ clang-format clang-tidy ld ar cmake ctest ninja meson bazel bazelisk gradle gradlew mvn mvnw javac jar java kotlinc scalac sbt dotnet rake rspec rubocop rails phpunit phpstan psalm artisan mix rebar3 stack cabal ghc hlint swiftlint swiftformat shellcheck shfmt hadolint yamllint actionlint markdownlint protoc buf sqlite3 black-format dune opam zig nim crystal flutter dart pod xcodebuild'.split(
    ' ',
  )

/** Options that name a program to be run, or code to be loaded into the tool. */
const runsOther =
  /^(-wrapper|-fplugin.*|-B[./].*|-B|-specs.*|@.+|--config=.*|-exec|-toolexec|--exec|-vettool.*|-javaagent.*|-agentlib.*|-Xplugin.*|--post-exec|--with-cc.*|--eval|-cmd|--launcher)$/

function tool(call: Call) {
  const strange = call.args.find(
    (arg) => /^[-@]/.test(arg) && runsOther.test(arg) && !(call.name === 'cmake' && arg.startsWith('-B')),
  )
  if (
    strange !== undefined &&
    !(strange.startsWith('--config=') && /^--config=(?![a-z.]+=)[\w./-]+$/.test(strange))
  )
    call.unreadable(`${call.name} is told to run or load something else by ${show(strange)}`)
  if (call.name === 'sqlite3')
    for (const arg of call.args)
      if (/^\s*\.|\n\s*\.|load_extension|writefile|readfile|edit\(|attach/i.test(arg))
        call.unreadable(`sqlite3 is given ${show(arg)}, which reaches beyond the database`)
  if (/^(rake|mvnw?)$/.test(call.name) && call.args.some((arg) => /^-[eE]$|^exec:|^-Dexec/.test(arg)))
    call.unreadable(`${call.name} is given text or a program to run`)
  call.runsProject()
  argumentsOf(call, call.args)
}

const makeOptions = {
  values: 'fCIlWoE',
  longValues: ['--file', '--makefile', '--directory', '--include-dir', '--eval', '--what-if', '--old-file'],
}

function make(call: Call) {
  const taken = take(call.args, makeOptions)
  for (const arg of taken.operands) {
    const [name = '', ...value] = arg.split('=')
    if (!arg.includes('=')) continue
    if (/^(SHELL|\.SHELLFLAGS|MAKE)/.test(name) || !/^[\w./:,@-]*$/.test(value.join('=')))
      call.unreadable(`make ${show(arg)} puts text into the commands it runs`)
  }
  if (has(taken, '--eval', '-E')) call.unreadable('make --eval runs text as a makefile')
  for (const file of valuesOf(taken, '-f', '--file', '--makefile')) {
    if (file === '-') call.unreadable('make takes its rules from its input')
    else call.executes(file)
  }
  for (const directory of valuesOf(taken, '-C', '--directory')) call.writes(`${directory}/made`)
  call.runsProject()
  argumentsOf(call, taken.operands)
}

function cargo(call: Call) {
  const action = call.args.find((arg) => !/^[-+]/.test(arg)) ?? ''
  if (/^(publish|login|logout|owner|yank)$/.test(action))
    return call.forbid(`cargo ${action} uses the credentials of a person`)
  if (/^(install|uninstall)$/.test(action))
    call.unreadable(`cargo ${action} changes programs outside the project`)
  if (call.args.some((arg) => arg.startsWith('--config')))
    call.unreadable('cargo --config may name a program to run')
  const known =
    /^(build|b|check|c|test|t|run|r|bench|clippy|fmt|doc|d|tree|metadata|update|add|remove|rm|clean|fetch|vendor|new|init|search|info|fix|nextest|expand|audit|deny|outdated|udeps|machete|llvm-cov|insta|locate-project|pkgid|version|help|generate-lockfile|package|verify-project|)$/
  if (!known.test(action)) call.unreadable(`cargo ${show(action)} is a program that the policy does not know`)
  call.runsProject()
  argumentsOf(call, call.args)
}

function go(call: Call) {
  const [action = '', ...rest] = call.args
  if (action === 'env' && rest.includes('-w'))
    return call.forbid('go env -w changes settings outside the project')
  if (rest.some((arg) => /^--?(exec|toolexec|overlay|vettool|ldflags=.*-extld|modfile|pkgdir)/.test(arg)))
    call.unreadable('go is told to run another program')
  if (action === 'install') call.unreadable('go install changes programs outside the project')
  if (isUnknown(action)) call.unreadable('go is given a command that is not written out')
  call.runsProject()
  argumentsOf(
    call,
    rest.filter((arg) => !arg.endsWith('...')),
  )
}

/** They run what their arguments say, each a command of its own. */
function concurrently(call: Call) {
  for (const arg of call.args)
    if (!arg.startsWith('-'))
      isUnknown(arg) ? call.unreadable(`${call.name} runs text that is not written out`) : call.script(arg)
}

function removesAll(call: Call) {
  for (const arg of call.args) if (!arg.startsWith('-')) call.removes(arg)
}

function nodemon(call: Call) {
  const text = call.args.findIndex((arg) => /^(-x|--exec)$/.test(arg))
  if (text !== -1) call.script(call.args[text + 1] ?? '')
  call.runsProject()
  argumentsOf(
    call,
    call.args.filter((_, index) => index !== text + 1),
  )
}

export const toolRules: Rules = {
  ...Object.fromEntries(tools.map((name) => [name, tool])),
  make,
  gmake: make,
  just: tool,
  cargo,
  go,
  concurrently,
  'npm-run-all': tool,
  rimraf: removesAll,
  mkdirp: (call) => {
    for (const arg of call.args) if (!arg.startsWith('-')) call.writes(arg)
  },
  nodemon,
}
