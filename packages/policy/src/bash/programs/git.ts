/** `git`: local work is free; shared history, the configuration and hidden programs are not. */
import type { Call, Rule, Rules } from '#bash/call'
import { holdsStandIn, isUnknown, show } from '#bash/symbols'
import { has, hasLong, take, valuesOf } from './arguments.ts'

/** Settings that only change how things look, or who commits. */
const harmlessSetting =
  /^(user\.(name|email)|color\..*|core\.(quotepath|autocrlf|abbrev)|advice\..*|init\.defaultbranch|commit\.gpgsign|tag\.gpgsign|diff\.(noprefix|renames|algorithm)|merge\.conflictstyle|pull\.(rebase|ff)|log\..*|status\..*|safe\.directory|gc\.auto|fetch\.prune|core\.pager=cat|core\.editor=true)$/i

const plain =
  'status log diff show add commit branch checkout switch restore reset stash merge rebase cherry-pick revert tag fetch pull ls-files ls-tree ls-remote rev-parse rev-list blame annotate grep describe shortlog whatchanged cat-file show-ref show-branch for-each-ref merge-base name-rev diff-tree diff-index diff-files mv rm clean apply am format-patch init bisect notes help version count-objects check-ignore check-attr hash-object sparse-checkout range-diff cherry symbolic-ref write-tree read-tree update-index ls stripspace var verify-commit fsck worktree clone archive bundle remote config reflog submodule push gc maintenance'.split(
    ' ',
  )

/** Options that name a program to run, on any subcommand. */
const programOptions = [
  '--upload-pack',
  '--receive-pack',
  '--exec',
  '--extcmd',
  '--open-files-in-pager',
  '--ext-diff',
  '--textconv',
]

const subcommands: Record<string, Rule> = {
  push(call) {
    const taken = take(call.args, { values: 'o', longValues: ['--push-option', '--repo'] })
    const forced =
      has(taken, '-f', '-d', '--force', '--mirror', '--delete', '--prune') ||
      hasLong(taken, '--force-with-lease', '--force-if-includes', '--mirror', '--delete', '--prune')
    if (forced || taken.operands.slice(1).some((ref) => /^[+:]/.test(ref)))
      call.forbid('git push would rewrite or remove history that others share')
    if (taken.operands.some(isUnknown)) call.unreadable('it is not known what git push is given')
    remoteAddress(call, taken.operands[0])
  },
  reflog(call) {
    if (['expire', 'delete', 'drop'].includes(call.args[0] ?? ''))
      call.forbid('git reflog would remove the record by which lost work is found')
  },
  gc(call) {
    if (call.args.some((arg) => arg.startsWith('--prune') || arg === '--aggressive'))
      call.forbid('git gc --prune would remove work that can still be found')
  },
  stash(call) {
    if (call.args[0] === 'clear') call.forbid('git stash clear would remove all stashed work')
  },
  config(call) {
    const taken = take(call.args, { values: 'f', longValues: ['--file', '--type', '--blob', '--default'] })
    for (const path of valuesOf(taken, '-f', '--file')) call.reads(path)
    const first = taken.operands[0] ?? ''
    const reads =
      has(taken, '-l', '--list', '--get', '--get-all', '--get-regexp', '--get-urlmatch') ||
      ['get', 'list'].includes(first)
    if (
      !reads &&
      (taken.operands.length > 1 ||
        has(taken, '--unset', '--add', '--edit', '-e', '--replace-all', '--unset-all'))
    )
      call.forbid('git config would change the protected configuration of git')
  },
  remote(call) {
    const [action] = call.args.filter((arg) => !arg.startsWith('-'))
    if (action !== undefined && !['show', 'get-url'].includes(action))
      call.forbid(`git remote ${show(action)} would change the protected configuration of git`)
  },
  submodule(call) {
    const [action, ...command] = call.args.filter(
      (arg) => arg !== '--recursive' && arg !== '-q' && arg !== '--quiet',
    )
    if (action === 'foreach') call.script(command.join(' '))
    else if (action !== undefined && !['status', 'summary', 'update', 'init'].includes(action))
      call.unreadable(`git submodule ${show(action)} changes the configuration of git`)
  },
  rebase(call) {
    const taken = take(call.args, { values: 'xsXC', longValues: ['--exec', '--onto', '--strategy'] })
    for (const text of valuesOf(taken, '-x', '--exec')) call.script(text)
    if (has(taken, '-i', '--interactive'))
      call.unreadable('git rebase -i opens an editor, which runs what it is told')
  },
  bundle(call) {
    if (call.args[0] === 'create') call.writes(take(call.args.slice(1)).operands[0] ?? '')
  },
  bisect(call) {
    if (call.args[0] === 'run') call.command(call.args.slice(1))
  },
  clone(call) {
    const taken = take(call.args, {
      values: 'cobuj',
      longValues: [
        '--config',
        '--origin',
        '--branch',
        '--upload-pack',
        '--depth',
        '--template',
        '--reference',
        '--filter',
        '--jobs',
      ],
    })
    for (const setting of valuesOf(taken, '-c', '--config')) judgeSetting(call, setting)
    if (has(taken, '-u', '--template')) call.unreadable('git clone is given a program or hooks to run')
    const [address, directory] = taken.operands
    remoteAddress(call, address)
    call.writes(directory ?? '.')
  },
  init(call) {
    const taken = take(call.args, {
      values: 'b',
      longValues: ['--initial-branch', '--template', '--separate-git-dir'],
    })
    if (has(taken, '--template', '--separate-git-dir'))
      call.unreadable('git init is given hooks or another place')
    for (const path of taken.operands) call.writes(path)
  },
  worktree(call) {
    const [action, ...rest] = call.args
    const taken = take(rest, { values: 'bB' })
    if (action === 'add') call.writes(taken.operands[0] ?? '')
    if (action === 'remove') call.removes(taken.operands[0] ?? '')
    if (action === 'move') for (const path of taken.operands) call.writes(path)
  },
  archive(call) {
    const taken = take(call.args, {
      values: 'o',
      longValues: ['--output', '--remote', '--format', '--prefix'],
    })
    for (const path of valuesOf(taken, '-o', '--output')) call.writes(path)
    if (has(taken, '--remote')) call.unreadable('git archive --remote runs a program on another machine')
  },
  grep(call) {
    if (call.args.some((arg) => /^-[a-zA-Z]*O/.test(arg)))
      call.unreadable('git grep -O runs a program on what it finds')
  },
  'symbolic-ref'(call) {
    if (has(take(call.args), '-d', '--delete'))
      call.forbid('git symbolic-ref --delete would remove a name of the history')
  },
  commit(call) {
    const taken = take(call.args, {
      values: 'mFCct',
      longValues: ['--message', '--file', '--author', '--date', '--template', '--fixup'],
    })
    for (const path of valuesOf(taken, '-F', '--file', '-t', '--template')) if (path !== '-') call.reads(path)
  },
  'format-patch'(call) {
    const taken = take(call.args, { values: 'o', longValues: ['--output-directory', '--output'] })
    for (const path of valuesOf(taken, '-o', '--output-directory', '--output')) call.writes(path)
  },
  fetch: fetches,
  pull: fetches,
  'ls-remote': fetches,
}

const refused: Record<string, string> = {
  'filter-branch': 'rewrites the whole history',
  'filter-repo': 'rewrites the whole history',
  'update-ref': 'moves or removes names of the history',
  replace: 'puts something else in the place of history',
  prune: 'removes work that can still be found',
  'prune-packed': 'removes parts of the history',
  credential: 'hands out credentials',
  'credential-store': 'hands out credentials',
  'credential-cache': 'hands out credentials',
  'send-email': 'sends mail as a person',
  daemon: 'serves the repository to others',
  'http-backend': 'serves the repository to others',
  instaweb: 'serves the repository to others',
}

function fetches(call: Call) {
  const taken = take(call.args, { values: 'jos', longValues: ['--upload-pack', '--depth', '--strategy'] })
  remoteAddress(call, taken.operands[0])
  // `+branch` here moves only what is local.
  if (has(taken, '-u') && call.name === 'ls-remote')
    call.unreadable('git ls-remote is given a program to run')
}

/** `ext::` and `fd::` run programs, and a path beyond the project is somebody else's repository. */
function remoteAddress(call: Call, address: string | undefined) {
  if (address === undefined) return
  if (/^[a-z0-9+.-]+::/i.test(address))
    call.unreadable(`git is given the address ${show(address)}, which runs a program`)
  if (isUnknown(address)) call.unreadable(`git is given an address that is not written out: ${show(address)}`)
  else if (/^(\/|\.|~|file:)/.test(address)) call.reads(address.replace(/^file:\/\//, ''), true)
}

function judgeSetting(call: Call, setting: string) {
  const [name = '', ...rest] = setting.split('=')
  if (harmlessSetting.test(name) || harmlessSetting.test(setting)) return
  const value = rest.join('=').replace(/^!/, '')
  if (value !== '' && !holdsStandIn(value)) call.script(value)
  call.unreadable(`git -c ${show(setting)} may run a program`)
}

function git(call: Call) {
  const taken = take(
    call.args,
    {
      values: 'cC',
      longValues: ['--git-dir', '--work-tree', '--namespace', '--exec-path', '--config-env', '--attr-source'],
    },
    true,
  )
  for (const setting of valuesOf(taken, '-c')) judgeSetting(call, setting)
  if (call.args.some((arg) => /^--(exec-path=|config-env)/.test(arg)))
    call.unreadable('git is told where to find its programs or settings')
  for (const directory of valuesOf(taken, '--git-dir')) {
    call.reads(directory)
    if (call.isOutside(directory))
      call.unreadable(`git works on the repository ${show(directory)}, outside the project`)
  }
  for (const directory of valuesOf(taken, '-C', '--work-tree')) call.writes(`${directory}/worktree`)
  const [subcommand, ...args] = taken.operands
  if (subcommand === undefined) return
  const harm = refused[subcommand]
  if (harm !== undefined) return call.forbid(`git ${subcommand} ${harm}`)
  if (!plain.includes(subcommand))
    return call.unreadable(`git ${show(subcommand)} is an alias or a command that the policy does not know`)
  const options = take(args, { longValues: ['--output', '--output-directory'] })
  for (const path of valuesOf(options, '--output', '--output-directory')) call.writes(path)
  if (hasLong(options, ...programOptions))
    call.unreadable(
      `git ${subcommand} is told to run a program by ${show(args.find((arg) => arg.startsWith('--')) ?? '')}`,
    )
  for (const arg of args) {
    if (/^--no-index$/.test(arg)) for (const path of options.operands) call.reads(path, true)
  }
  if (isUnknown(args[0] ?? '') && subcommand !== 'add')
    call.unreadable(`git ${subcommand} is given ${show(args[0] ?? '')}, which may be an option`)
  const worded = [
    'commit',
    'tag',
    'merge',
    'stash',
    'notes',
    'log',
    'grep',
    'cherry-pick',
    'revert',
  ].includes(subcommand)
  const named = take(args, {
    values: worded ? 'mSGe' : '',
    longValues: worded ? ['--message', '--grep', '--author'] : [],
  })
  for (const path of named.operands) if (/^[/~]|\.\.\//.test(path) && !isUnknown(path)) call.reads(path, true)
  if (
    has(options, '--contents', '--unsafe-paths', '--bare') ||
    (subcommand === 'apply' && has(options, '--directory'))
  )
    call.unreadable(`git ${subcommand} is told to work on other files`)
  const directory = valuesOf(taken, '-C').at(-1)
  const here =
    directory === undefined
      ? (path: string) => path
      : (path: string) => (/^[/~]/.test(path) ? path : `${directory}/${path}`)
  subcommands[subcommand]?.({
    ...call,
    name: subcommand === 'ls-remote' ? subcommand : 'git',
    args,
    writes: (path) => call.writes(here(path)),
    reads: (path, deep) => call.reads(here(path), deep),
  })
}

export const gitRules: Rules = {
  git,
  'git-upload-pack': (call) => call.unreadable('git-upload-pack serves the repository'),
  'git-lfs': (call) => call.unreadable('git-lfs runs programs of its own'),
  'git-shell': (call) => call.unreadable('git-shell runs programs'),
}
