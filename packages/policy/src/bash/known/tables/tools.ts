/** Interpreters, compilers, checkers and testers. They run code of the project, and files given to them. */
import type { Rule } from '#bash/call'
import { show } from '#bash/symbols'
import { type Entry, judgeBy, subcommands } from '../judge.ts'

/** Needs a file: without one it runs what it is given by its input. */
function interpreter(grammar: string, alone: RegExp): Entry {
  return {
    grammar,
    also(call, { values, options }) {
      const idle = [...options].some((option) => alone.test(option))
      if (!idle && !values.some(({ option }) => option === null))
        call.unreadable(`${call.name} runs what it is given by its input`)
    },
  }
}

const node = interpreter(
  `stop runs -c -v --version --help --check --test --test-only --watch --env-file:read --enable-source-maps --no-warnings
  --trace-warnings --experimental-strip-types --experimental-test-coverage --test-reporter:name
  --test-name-pattern:text --max-old-space-size:number | run argument*`,
  /^(-v|--version|--help|--test)$/,
)

const pythonFile = judgeBy(interpreter('stop runs -uBVO -v --version | run argument*', /^(-V|--version)$/))
const modules: Readonly<Record<string, Entry>> = {
  'json.tool': 'runs --indent:number --sort-keys --compact | read? write?',
  unittest: 'runs -vqfb | argument*',
  venv: 'runs | write',
  py_compile: 'runs | run*',
  compileall: 'runs -q | write*',
}
const python: Rule = (call) => {
  const at = call.args.findIndex((arg) => !/^-[uBO]+$/.test(arg))
  const [name = '', ...args] = call.args.slice(at + 1)
  if (call.args[at] !== '-m') {
    pythonFile(call)
    return
  }
  call.runsProject()
  const module = modules[name]
  if (module !== undefined) judgeBy(module)({ ...call, name: `python -m ${name}`, args })
  else if (/^(pytest|mypy|ruff|black|isort|flake8|pylint|pip)$/.test(name)) call.command([name, ...args])
  else call.unreadable(`the policy does not know the module ${show(name)}`, name)
}

const shown = '-h -v --help --version --quiet --verbose -q --no-color'
const checker = (options: string, operands = 'mark*') => `runs ${shown} ${options} | ${operands}`

const gccArgument =
  /^-(c|S|E|g[0-3]?|v|w|O[0-3sgz]?|W(all|extra|error|pedantic|no-[a-z-]+|[a-z]{2,}[a-z=0-9-]*)|std=[\w+]+|pthread|pedantic|l[\w+-]+|D\w+(=\w+)?|fPIC|shared|static|m(arch|tune)=[\w-]+|fsanitize=[\w,]+)$/
const compiler: Rule = (call) => {
  call.runsProject()
  for (let at = 0; at < call.args.length; at++) {
    const arg = call.args[at] ?? ''
    const next = call.args[at + 1] ?? ''
    if (arg === '-o' && !next.startsWith('-')) {
      call.writes(next)
      at++
    } else if (/^-o./.test(arg)) call.writes(arg.slice(2))
    else if (/^-[IL]./.test(arg)) call.reads(arg.slice(2), true)
    else if (!/^[-@]/.test(arg)) call.reads(arg)
    else if (!gccArgument.test(arg))
      call.unreadable(`the policy does not know what ${call.name} does with ${show(arg)}`, arg)
  }
  if (!call.args.some((arg) => arg.startsWith('-o'))) call.writes('./a.out')
}

const curl: Entry = {
  grammar: `-sSfIvk -o:write -H:text -A:name -e:text -w:said -m:number --silent --show-error --fail --head --compressed
    --output:write --header:text --max-time:number --connect-timeout:number --retry:number --write-out:said | url*`,
  also(call, { values }) {
    for (const { option, text } of values)
      if (/^(-H|--header)$/.test(option ?? '') && !/^[\w-]+: ?[\w ./;,=*+-]*$/.test(text))
        call.unreadable(`the policy does not know what curl does with ${show(text)}`, text)
      else if (/^(-w|--write-out)$/.test(option ?? '') && !/^([\w .:\\-]|%\{[a-z_]+\})*$/.test(text))
        call.unreadable(`curl may write elsewhere by ${show(text)}`, text)
  },
}

export const toolTables: Readonly<Record<string, Entry | Rule>> = {
  node,
  'python python3': python,
  ruby: interpreter('stop runs -v --version | run argument*', /^(-v|--version)$/),
  perl: interpreter('stop runs -v --version | run argument*', /^(-v|--version)$/),
  php: interpreter('stop runs -v --version | run argument*', /^(-v|--version)$/),
  deno: subcommands({
    test: 'runs | run*',
    fmt: 'runs --check | write*',
    lint: 'runs | read*',
    check: 'runs | run*',
  }),
  'tsx ts-node': interpreter('stop runs -v --version | run argument*', /^(-v|--version)$/),
  tsc: checker(
    '-b -w -p:mark --noEmit --project:mark --build --listFiles --incremental --skipLibCheck --strict --pretty',
    'mark*',
  ),
  eslint: checker('-c:run -f:name --fix --ext:word --max-warnings:number --cache --format:name --config:run'),
  prettier: checker('-cwl --check --write --list-different --log-level:name'),
  'vitest jest': checker(
    `-u -t:text -i --run --coverage --reporter:name --bail?number --project:name --passWithNoTests --ci
    --runInBand --silent --updateSnapshot --testNamePattern:text --testPathPattern:text --watch?name`,
    'argument*',
  ),
  'mocha ava tap': checker('--grep:text -g:text --bail', 'argument*'),
  playwright: subcommands({
    test: checker('--project:name --grep:text -g:text --reporter:name --workers:number', 'argument*'),
  }),
  prisma: subcommands({ generate: 'runs |', validate: 'runs |', format: 'runs |' }),
  biome: subcommands({
    check: checker('--write --apply --fix --unsafe'),
    lint: checker('--write --apply --fix'),
    format: checker('--write --fix'),
    ci: checker(''),
  }),
  'vite next nuxt astro webpack rollup esbuild tsup knip depcruise madge publint turbo lerna just task stylelint svelte-check vue-tsc typedoc':
    checker('', 'argument*'),
  'serve http-server': 'never | deep?',
  'pytest py.test': checker(
    `-xslr -k:text -m:text --lf --ff --tb:name --maxfail:number --cov?read --cov-report:name -n:name
    --durations:number --no-header --collect-only --co -vv`,
    'argument*',
  ),
  'mypy ruff black isort flake8 pylint pyright': checker('--check --fix --diff --strict', 'argument*'),
  coverage: subcommands({
    run: (call) => call.command(['python', ...call.args]),
    report: 'runs -m |',
    html: 'runs |',
  }),
  alembic: checker('', 'argument*'),
  'golangci-lint': subcommands({ run: checker('--fix', 'package*') }),
  'gofmt goimports rustfmt': checker('-l -w -d -s --check'),
  'gcc g++ cc c++ clang clang++': compiler,
  cmake: 'runs -B:write -S:read --build:write -j?number --target:name -v | read?',
  ctest: 'runs --output-on-failure -j?number -V |',
  ninja: 'runs -C:enter -j?number -v | name*',
  meson: subcommands({ setup: 'runs | write', compile: 'runs -C:enter |', test: 'runs -C:enter |' }),
  'mvn mvnw gradle gradlew': 'whole runs -q -B -o -DskipTests --quiet --offline | name*',
  'swift dotnet': subcommands({ build: 'runs |', test: 'runs |' }),
  'rspec rake rubocop': checker('', 'argument*'),
  shellcheck: '-x -s:name -e:word -f:name | read*',
  shfmt: '-w -d -l -i:number | write*',
  'clang-format': '-i | write*',
  protoc: 'never | read*',
  curl,
  openssl: subcommands({
    version: '-a |',
    rand: 'whole -hex -base64 | number',
    x509: 'whole -in:read -noout -dates -text -subject -issuer -enddate -fingerprint |',
  }),
}
