/** `git`: local work is free; shared history and the record of lost work are not. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import type { Call, Rule } from '#bash/call'
import { show } from '#bash/symbols'
import type { Matched } from '../arguments.ts'
import { type Entry, judgeBy, ruleFor } from '../judge.ts'

const operandsOf = ({ values }: Matched) => values.filter(({ option }) => option === null)

const log = `-# -pSn:number -p -u -n:number -S:text -G:text -i -w -E -U:number --oneline --graph --decorate?name --all --stat?name
  --patch --name-only --name-status --follow --no-merges --merges --reverse --author:text --grep:text --since:text
  --until:text --after:text --before:text --format:text --pretty?text --date:text --abbrev-commit --no-color --color?name
  --first-parent --max-count:number --shortstat --numstat --cached --staged --word-diff --no-pager --quiet
  --ignore-all-space --ignore-space-change --unified:number --diff-filter:name --check --branches --tags --remotes
  --no-patch --raw -z -s -q --no-ext-diff --no-textconv --minimal --summary`
/** What these are given after the options: names of commits, and paths of the project. */
const looks = (more = '') => `${log} ${more} | ref*`

/** Replaces files of the project by what git keeps: links among them, and other names. */
const replaces = (options: string, operands = 'ref*'): Entry => ({
  grammar: `${options} | ${operands}`,
  also(call) {
    runsHooks(call)
    call.changes(call.projectPath)
  },
})

/** Records work; the project's hooks run. */
const records = (options: string, operands = 'ref*'): Entry => ({
  grammar: `${options} | ${operands}`,
  also: (call) => runsHooks(call),
})

const push: Entry = {
  grammar:
    'never -ufnqv --force --set-upstream --tags --dry-run --mirror --delete --prune -d --all --follow-tags --force-with-lease?text | text*',
  also(call, { options, values, strange }) {
    const given = [...options, ...strange.map((text) => text.replace(/=.*/, ''))]
    const forces = given.some(
      (option) =>
        option === '-f' ||
        (option.length > 4 && /^--(force|mirror|prune)/.test(option)) ||
        isBeginning(option),
    )
    const refs = values
      .filter(({ option }) => option === null)
      .map(({ text }) => text)
      .slice(1)
    const shared = /^(refs\/heads\/)?(main|master|trunk|develop|release.*)$/
    const deletes =
      refs.some((ref) => ref.startsWith(':') && shared.test(ref.slice(1))) ||
      (given.some((option) => option === '-d' || /^--de/.test(option)) &&
        refs.some((ref) => shared.test(ref)))
    if (!options.has('--dry-run') && (forces || deletes || refs.some((ref) => ref.startsWith('+'))))
      call.forbid('git push would rewrite or remove history that others share')
  },
}
/** Git takes an option by any beginning of it. */
const isBeginning = (option: string) =>
  option.length > 4 && ['--force-with-lease', '--mirror', '--prune'].some((name) => name.startsWith(option))

const harmlessSetting =
  /^(user\.(name|email)|color\.\w+|core\.(quotepath|abbrev)|advice\.\w+|diff\.(noprefix|renames)|log\.\w+|core\.pager=cat|core\.editor=true)$/i
/** Settings that name a program, or a place of programs. */
const runningSetting =
  /^(alias\..*|core\.(hookspath|fsmonitor|sshcommand|pager|editor|gitproxy|askpass|attributesfile|worktree)|.*\.(command|textconv|clean|smudge|process|driver|helper|cmd|program|update|vcs|uploadpack|receivepack|external)|diff\.external|include.*|sequence\.editor|url\..*)$/i

const config: Entry = {
  grammar:
    '-l --list --get --get-all --get-regexp --show-origin --local --global --system --unset --add --edit -e --replace-all --unset-all --name-only --type:name | text*',
  also(call, matched) {
    const [first, second] = operandsOf(matched).map(({ text }) => text)
    const { options } = matched
    const names = ['-l', '--list', '--get', '--get-all', '--get-regexp']
    if (names.some((name) => options.has(name)) || ['get', 'list'].includes(first ?? '')) {
      if (!options.has('--get') || /header|credential|token|password/i.test(first ?? ''))
        call.unreadable('git config prints settings, which may hold credentials')
      return
    }
    if (second === undefined && !['--unset', '--add', '--edit', '-e'].some((name) => options.has(name)))
      return
    const name = first === 'set' ? (second ?? '') : (first ?? '')
    if (runningSetting.test(name))
      call.forbid(`git config ${show(name)} would have git run something else, by its protected settings`)
    call.unreadable('git config changes the settings of git')
  },
}

const gc: Entry = {
  grammar: '-q --auto --quiet |',
  also(call) {
    if (call.args.some((arg) => /^--prune=(now|all|0|\d+\.?(seconds?|minutes?))/.test(arg)))
      call.forbid('git gc --prune would remove work that can still be found')
  },
}

const reflog: Rule = (call) => {
  const [action = 'show'] = call.args
  if (action === 'show' || /^-/.test(action)) return judgeBy(looks())(call)
  call.unreadable(`git reflog ${show(action)} changes the record by which lost work is found`)
  const soon =
    call.args.some(
      (arg) => /^--expire(-unreachable)?=?(now|all|0|never)?$/.test(arg) && !arg.endsWith('never'),
    ) || call.args.some((arg) => /^(now|all|0)$/.test(arg))
  if (['delete', 'drop'].includes(action) || (action === 'expire' && soon))
    call.forbid('git reflog would remove the record by which lost work is found')
}

const stash: Rule = (call) => {
  const [action = 'push', ...args] = call.args
  if (action === 'clear') call.forbid('git stash clear would remove all stashed work')
  if (action === 'list' || action === 'show') judgeBy(looks())({ ...call, args })
  else if (/^(push|pop|apply|-u|--include-untracked|-k|--keep-index)$/.test(action))
    judgeBy(replaces('-uqk -m:text --index --include-untracked --keep-index'))({ ...call, args })
  else call.unreadable(`git stash ${show(action)} may lose stashed work`, action)
}

const bisect: Rule = (call) => {
  const [action = '', ...args] = call.args
  if (action === 'run') {
    call.changes(call.projectPath)
    call.command(args)
  } else if (/^(start|good|bad|reset|skip|log)$/.test(action)) judgeBy(replaces(''))({ ...call, args })
  else call.unreadable(`git bisect ${show(action)} is not known`, action)
}

const remote: Rule = (call) => {
  const [action, ...args] = call.args
  if (action === undefined || /^(-v|show|get-url)$/.test(action)) judgeBy('-v | target*')({ ...call, args })
  else call.unreadable(`git remote ${show(action)} changes the settings of git`, action)
}

const refused =
  (harm: string): Rule =>
  (call) =>
    call.forbid(`${call.name} ${harm}`)

const rules = new Map(
  Object.entries<Entry | Rule>({
    status: '-sbuv -u?name --short --branch --porcelain?name --ignored --untracked-files?name | ref*',
    log: looks(),
    diff: { grammar: looks('--exit-code --merge-base'), also: ownFiles },
    show: looks(),
    shortlog: '-sne --no-merges --summary --numbered --email | ref*',
    blame: '-wMCl -L:text --line-porcelain --porcelain | ref*',
    annotate: '| ref*',
    'ls-files':
      '-zmodcsut --others --cached --modified --deleted --exclude-standard --stage --unmerged | ref*',
    'ls-tree': '-rdtlz --name-only --full-tree | ref*',
    'rev-parse':
      '--short?number --abbrev-ref --show-toplevel --verify --is-inside-work-tree --git-dir --show-prefix --symbolic-full-name --all -q | ref*',
    'rev-list':
      '-# -n:number --count --all --max-count:number --no-merges --left-right --reverse --since:text | ref*',
    'cat-file': '-pte --batch-check | ref*',
    'merge-base': '--is-ancestor --all --fork-point | ref*',
    describe: '--tags --always --dirty --abbrev:number --long --all --match:text --exact-match | ref*',
    'name-rev': '--name-only | ref*',
    'show-ref': '--heads --tags --verify --hash -q -s | ref*',
    'for-each-ref': '--format:text --sort:word --count:number | ref*',
    'check-ignore': '-vqn | ref*',
    'check-attr': '-a | ref*',
    'count-objects': '-vH |',
    'range-diff': '-s --no-color | ref*',
    cherry: '-v | ref*',
    'hash-object': '| read*',
    'diff-tree': looks('-r --no-commit-id --root'),
    'diff-index': looks(),
    'diff-files': looks(),
    grep: `-nilwEFPcvhIqrH -# -e:text -A:number -B:number -C:number --cached --untracked --name-only --count
      --files-with-matches --line-number --ignore-case --word-regexp --heading --break --and --or --all-match | text ref*`,
    add: '-Aunpvf --all --update --patch --intent-to-add -N --dry-run --renormalize | ref*',
    mv: { grammar: '-fkvn | remove* write', also: (call) => call.changes('.') },
    rm: {
      grammar: '-rfqn --cached --force --quiet | remove*',
      also: (_call, { options, values }) => {
        if (options.has('--cached')) for (const value of values) value.kind = 'ref'
      },
    },
    commit:
      records(`-aqvSnps -m:text -F:read -C:ref --all --message:text --amend --no-edit --allow-empty --allow-empty-message
      --no-verify --file:read --fixup:ref --author:text --date:text --signoff --quiet --reuse-message:ref`),
    branch:
      '-avrdmcMDq --all --list --remotes --delete --move --show-current --merged --no-merged --contains --sort:word --format:text -u:ref --set-upstream-to:ref | ref*',
    tag: '-aldsfn -n?number -m:text --list --sort:word --annotate --delete --message:text --contains --points-at:ref | ref*',
    notes: (call) =>
      /^(add|show|list|append)$/.test(call.args[0] ?? 'list')
        ? judgeBy('-m:text -f | ref*')({ ...call, args: call.args.slice(1) })
        : call.unreadable('git notes may remove notes'),
    checkout: replaces(
      '-bBqfpt -b:ref -B:ref --theirs --ours --quiet --force --detach --track --patch --orphan:ref',
    ),
    switch: replaces('-cCqdf -c:ref -C:ref --create:ref --detach --quiet'),
    restore: replaces('-SWqp -s:ref --staged --worktree --source:ref --quiet --ours --theirs --patch'),
    reset: replaces('-qp --hard --soft --mixed --keep --quiet --patch'),
    clean: replaces('-fdxXnq -e:text --force --dry-run'),
    stash,
    merge: replaces(
      '-qm -m:text --no-ff --ff-only --squash --abort --continue --no-edit --no-commit --quiet --ff',
    ),
    rebase: replaces(
      '-q --onto:ref --abort --continue --skip --autostash --quiet --autosquash --no-autostash',
    ),
    'cherry-pick': replaces('-xn --no-commit --abort --continue --skip --no-edit -m:number'),
    revert: replaces('-nm --no-edit --no-commit --abort --continue -m:number'),
    pull: replaces('-qr --rebase --ff-only --no-rebase --quiet --autostash --tags --prune', 'name? ref*'),
    fetch: '-pqtv --all --prune --tags --quiet --verbose --unshallow --depth:number | name? ref*',
    'ls-remote': '-tq --heads --tags --exit-code | name? ref*',
    apply: {
      grammar: '--check --stat --numstat --summary | read*',
      also(call, { options }) {
        if (options.size > 0) return
        call.unreadable('git apply writes files whose names are in the patch')
        call.changes(call.projectPath)
      },
    },
    am: replaces('--abort --skip', ''),
    bisect,
    'update-index': '--chmod:word --refresh --assume-unchanged --no-assume-unchanged --really-refresh | ref*',
    worktree: (call) =>
      call.args[0] === 'list'
        ? judgeBy('--porcelain |')({ ...call, args: call.args.slice(1) })
        : call.unreadable('git worktree makes another place of work'),
    submodule: (call) =>
      /^(status|summary)$/.test(call.args[0] ?? 'status')
        ? judgeBy('--recursive | ref*')({ ...call, args: call.args.slice(1) })
        : submoduleScript(call),
    remote,
    reflog,
    config,
    push,
    gc,
    version: '|',
    'write-tree': '|',
    'filter-branch': refused('would rewrite the whole history'),
    'filter-repo': refused('would rewrite the whole history'),
    'update-ref': {
      grammar: 'never -dm --stdin | any*',
      also: (call, { options }) => {
        if (options.has('-d') || options.has('--stdin'))
          call.forbid('git update-ref would remove a name of the history')
      },
    },
    'symbolic-ref': {
      grammar: '-q --short --delete -d | ref*',
      also: (call, matched) => {
        if (matched.options.has('-d') || matched.options.has('--delete'))
          call.forbid('git symbolic-ref would remove a name of the history')
        else if (operandsOf(matched).length > 1)
          call.unreadable('git symbolic-ref moves a name of the history')
      },
    },
    prune: {
      grammar: 'never -nv --dry-run --expire:text |',
      also: (call, { options }) => {
        if (!options.has('-n') && !options.has('--dry-run'))
          call.forbid('git prune would remove work that can still be found')
      },
    },
    credential: refused('hands out credentials'),
    'credential-store': refused('hands out credentials'),
    'credential-cache': refused('hands out credentials'),
  }).map(([name, entry]) => [name, ruleFor(entry)]),
)

/** Outside a repository, and with `--no-index`, `git diff` compares any two files. */
function ownFiles(call: Call, matched: Matched): void {
  for (const { text } of operandsOf(matched)) if (/^[/~]|\.\.\//.test(text)) call.reads(text, true)
}

function submoduleScript(call: Call): void {
  call.unreadable('git submodule changes settings, or runs commands', call.args[0])
  const [action, ...command] = call.args.filter((arg) => !/^(--recursive|-q|--quiet)$/.test(arg))
  if (action === 'foreach') call.script(command.join(' '))
}

/** Where the project has hooks, they run what may have been written just now. */
function runsHooks(call: Call): void {
  if (hasHooks(call.projectPath)) call.runsProject()
}

function hasHooks(project: string): boolean {
  try {
    const hooks = readdirSync(`${project}/.git/hooks`)
    return (
      hooks.some((name) => !name.endsWith('.sample')) ||
      /hooks\s*path/i.test(readFileSync(`${project}/.git/config`, 'utf8'))
    )
  } catch {
    // A worktree's `.git` is a file; no repository has no hooks.
    return existsSync(`${project}/.git`) && lstatSync(`${project}/.git`).isFile()
  }
}

/** Another repository below the project brings settings of its own, which can run programs. */
function refuseNested(call: Call, directory: string): void {
  if (existsSync(`${call.projectPath}/HEAD`) && !existsSync(`${call.projectPath}/.git`))
    call.unreadable('the project has the form of a repository, whose settings may run programs')
  for (let at = directory; at !== call.projectPath; at = at.slice(0, at.lastIndexOf('/'))) {
    if (!at.startsWith(`${call.projectPath}/`)) {
      call.unreadable('git works on a repository outside the project')
      return
    }
    if (existsSync(`${at}/.git`) || existsSync(`${at}/HEAD`))
      call.unreadable(`git works on another repository, whose settings may run programs: ${show(at)}`)
  }
}

export const git: Rule = (call) => {
  const args = [...call.args]
  let directory = '.'
  for (let first = args[0] ?? ''; first.startsWith('-'); first = args[0] ?? '') {
    args.shift()
    if (/^(--no-pager|-P|--version|--help|--no-optional-locks)$/.test(first)) continue
    const value = args.shift() ?? ''
    if (first === '-C' && /^(?!-)/.test(value)) directory = value
    else if (
      first !== '-c' ||
      !(
        harmlessSetting.test(value) ||
        (harmlessSetting.test(value.split('=')[0] ?? '') && !/\u{f0004}/u.test(value))
      )
    ) {
      call.unreadable(`the policy does not know what git does with ${show(`${first} ${value}`)}`, value)
      if (/^--?[\w-]+=/.test(first)) args.unshift(value)
    }
  }
  const [subcommand, ...rest] = args
  if (subcommand === undefined) return
  const places = call.pathsOf(directory)
  if (places === null) call.unreadable(`it is not known where git works (${show(directory)})`)
  for (const place of places ?? []) refuseNested(call, place)
  // A directory with these in it is a repository without being called `.git`.
  if (!existsSync(`${call.projectPath}/.git`) || places?.[0] !== call.projectPath)
    call.obeys(`${directory}/HEAD`)
  const rule = rules.get(subcommand)
  if (rule === undefined) {
    call.unreadable(
      `git ${show(subcommand)} is an alias or a command that the policy does not know`,
      subcommand,
    )
    return
  }
  const here = (path: string) => (directory === '.' || /^[/~]/.test(path) ? path : `${directory}/${path}`)
  rule({
    ...call,
    name: `git ${subcommand}`,
    args: rest,
    reads: (path, deep) => call.reads(here(path), deep),
    writes: (path, content) => call.writes(here(path), content),
    removes: (path) => call.removes(here(path)),
  })
}
