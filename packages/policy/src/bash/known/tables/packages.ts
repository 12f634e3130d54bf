/** Package managers and builders: they run the project's own code, as it is declared. */
import { existsSync } from 'node:fs'
import type { Call, Rule } from '#bash/call'
import { show } from '#bash/symbols'
import { type Entry, judgeBy, subcommands } from '../judge.ts'
import { toolTables } from './tools.ts'

/** Names under which a package's programs are called; each is judged by its own table. */
const installed: Rule = (call) => {
  if (/^(-c|--call)$/.test(call.args[0] ?? '')) {
    call.unreadable(`${call.name} runs text by a shell of its own`)
    call.script(call.args[1] ?? '')
    return
  }
  const args = call.args[0] === '--no-install' || call.args[0] === '--no' ? call.args.slice(1) : call.args
  const [tool = '', ...rest] = args[0] === '--' ? args.slice(1) : args
  const isThere = (call.pathsOf(`node_modules/.bin/${tool}`) ?? []).some((path) => existsSync(path))
  if (!/^[a-z][\w.-]*$/.test(tool))
    call.unreadable(`the policy does not know what ${call.name} does with ${show(tool)}`, tool)
  else if (Object.keys(toolTables).some((names) => names.split(' ').includes(tool)))
    call.command([tool, ...rest])
  else if (isThere) anyTool({ ...call, name: tool, args: rest })
  else call.unreadable(`${call.name} may download ${show(tool)} and run it`, tool)
  call.runsProject()
}
const anyTool = judgeBy('runs -h -v --help --version | argument*')

const published = (call: Call) => {
  if (call.args.includes('--dry-run')) call.unreadable(`${call.name} runs scripts of the project`)
  else call.forbid(`${call.name} would publish in the name of a person`)
}
const credentials = (call: Call) => call.forbid(`${call.name} hands out or uses the credentials of a person`)

const install =
  'runs -sDE --ignore-scripts --no-audit --no-fund --prefer-offline --legacy-peer-deps --silent --frozen-lockfile --immutable --omit:name |'
const script: Entry = {
  grammar: 'runs -s -w:name --if-present --workspaces --silent --workspace:name | name? argument*',
  also(call) {
    if (call.args.some((arg) => arg === 'env'))
      call.unreadable('npm run env prints the environment, which may hold credentials')
  },
}
const shorthand = 'runs -s --silent --run --coverage --watch?name | argument*'
const manager = {
  ci: install,
  install,
  i: install,
  run: script,
  'run-script': script,
  test: shorthand,
  t: shorthand,
  start: shorthand,
  ls: '-galp --all --depth:number --json --long --parseable --prod | target*',
  list: '-galp --all --depth:number --json --long --parseable --prod | target*',
  outdated: '--json --long | target*',
  why: '| target*',
  explain: '| target*',
  dedupe: install,
  prune: install,
  uninstall: 'runs -D --save-dev | target*',
  remove: 'runs -D | target*',
  exec: installed,
  publish: published,
  unpublish: published,
}
const npm = subcommands({
  ...manager,
  view: '--json | target* ',
  info: '--json | target*',
  root: '-g |',
  prefix: '|',
  audit: '--json --omit:name --production |',
  pack: {
    grammar: 'runs --dry-run --json |',
    also: (call, { options }) => {
      if (!options.has('--dry-run')) call.changes('.')
    },
  },
  token: credentials,
})
/** Other managers also take a script's name, or a program's, for a command. */
const shortScripts = Object.fromEntries(
  ['build', 'lint', 'dev', 'typecheck', 'format', 'check', 'preview', 'clean'].map((name) => [
    name,
    shorthand,
  ]),
)
const other = subcommands({ ...manager, ...shortScripts })
const filtered: Rule = (call) => {
  let { args } = call
  while (
    /^(--filter|-F|--dir|-C)$/.test(args[0] ?? '') &&
    /^(?!.*\.\.)[\w@/*-][\w@./*-]*$/.test(args[1] ?? '') &&
    args[0]?.toLowerCase() !== '-c' &&
    args[0] !== '--dir'
  )
    args = args.slice(2)
  while (args[0] === '-r' || args[0] === '--recursive') args = args.slice(1)
  if (args.length === 0) return call.runsProject()
  other({ ...call, args })
}

const cargoOptions = `runs -rqv --release --all --workspace -p:name --package:name --bin:name --lib --tests --bins
  --all-targets --all-features --features:word --no-default-features --verbose --locked --offline --test:name
  --example:name --no-run --check --no-fail-fast -j:number -i:name --quiet | argument*`
const cargo = subcommands({
  ...Object.fromEntries(
    [
      'build',
      'b',
      'check',
      'c',
      'test',
      't',
      'run',
      'r',
      'clippy',
      'fmt',
      'doc',
      'tree',
      'metadata',
      'bench',
      'fetch',
      'clean',
      'nextest',
    ].map((name) => [name, cargoOptions]),
  ),
  publish: published,
  login: credentials,
  yank: credentials,
  owner: credentials,
})

const goBuild = `whole runs -v -race -o:write -tags:word -trimpath -run:text -bench:text -short -cover -count:number
  -timeout:number -coverprofile:write -benchmem -failfast -json | package*`
const go = subcommands({
  ...Object.fromEntries(
    ['build', 'test', 'vet', 'run', 'generate', 'fmt', 'list'].map((name) => [name, goBuild]),
  ),
  mod: 'runs | name',
  version: '|',
  doc: '-all | target*',
})

const pip = subcommands({
  list: '--outdated --format:name |',
  show: '| name*',
  freeze: '|',
  check: '|',
  install: 'runs -q -r:run --requirement:run -e:package --editable:package --no-deps | package?',
})
const uv = subcommands({
  sync: 'runs --frozen --locked --all-extras --dev |',
  lock: 'runs |',
  pip: pip,
  run: (call) => {
    call.runsProject()
    call.command(call.args)
  },
  publish: published,
})

const make: Entry =
  'runs -nskBi -j?number -C:enter -f:run --silent --dry-run --jobs?number --no-print-directory --directory:enter | name*'

export const packageTables: Readonly<Record<string, Entry | Rule>> = {
  npm,
  'pnpm yarn': filtered,
  bun: other,
  'npx bunx': installed,
  cargo,
  go,
  'pip pip3': pip,
  uv,
  'make gmake': make,
  twine: (call) =>
    call.args[0] === 'upload' ? published(call) : call.unreadable('twine acts in the name of a person'),
  poetry: subcommands({
    install: 'runs |',
    lock: 'runs |',
    show: 'runs | name*',
    check: 'runs |',
    run: uvRun,
    publish: published,
  }),
  gem: subcommands({ list: '| name*', push: published, yank: published }),
  bundle: subcommands({ exec: uvRun, install: 'runs |', check: 'runs |' }),
  vsce: (call) =>
    call.args[0] === 'publish' ? published(call) : call.unreadable('the policy does not know vsce'),
  gh: subcommands({
    release: published,
    auth: (call) =>
      call.args[0] === 'status' ? call.unreadable('gh acts in the name of a person') : credentials(call),
  }),
  docker: (call) =>
    call.args[0] === 'push' ? published(call) : call.unreadable('docker acts beyond the project', 'docker'),
}

function uvRun(call: Call): void {
  call.runsProject()
  call.command(call.args)
}
