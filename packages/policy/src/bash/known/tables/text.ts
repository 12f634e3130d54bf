/** Programs that read files or their input and print, and programs that print facts about the machine. */
import type { Call, Rule } from '#bash/call'
import { show } from '#bash/symbols'
import type { Matched } from '../arguments.ts'
import { type Entry, judgeBy, subcommands } from '../judge.ts'

/** The first operand is a pattern, unless an option gave it; the others are searched. */
function searches(always: boolean) {
  return (call: Call, { options, values }: Matched): void => {
    const operands = values.filter(({ option }) => option === null)
    const given = options.has('-e') || options.has('--regexp') || options.has('--files')
    const paths = given ? operands : operands.slice(1)
    const [pattern] = operands
    if (!given && pattern !== undefined) pattern.kind = 'text'
    const deep = always || options.has('-r') || options.has('--recursive')
    if (!deep) for (const path of paths) path.kind = 'read'
    if (deep && paths.length === 0 && call.input.from === 'nowhere') call.reads('.', true)
  }
}

const grep: Entry = {
  grammar: `-EFGPivwxcLlnHhorsIqzabTU -# -e:text -m:number -A:number -B:number -C:number --include:text
    --exclude:text --exclude-dir:text --color?word --only-matching --ignore-case --invert-match --count
    --files-with-matches --files-without-match --line-number --recursive --no-filename --with-filename
    --word-regexp --fixed-strings --extended-regexp --perl-regexp --quiet --silent --max-count:number
    --after-context:number --before-context:number --context:number --regexp:text --null | deep*`,
  also: searches(false),
}

const ripgrep: Entry = {
  grammar: `-ilnNvwxcoFSsuUqHIP -e:text -g:text -t:name -T:name -A:number -B:number -C:number -m:number
    -r:text --files --hidden --no-ignore --no-heading --glob:text --type:name --json --sort:name
    --max-count:number --color:name --multiline --count --stats --files-with-matches --line-number
    --ignore-case --fixed-strings --context:number --regexp:text | deep*`,
  also: searches(true),
}

/** `ps` takes letters without a dash as well, among them `e`, which shows environments. */
const ps: Rule = (call) => {
  const columns =
    /^(pid|ppid|pgid|user|comm|args|cmd|%cpu|%mem|pcpu|pmem|stat|time|etime|start|rss|vsz|tty|,|=)+$/
  for (const [index, arg] of call.args.entries()) {
    const before = call.args[index - 1] ?? ''
    if (/^([auwfljT]*x?[auwfljT]*|-[AaefdlFjwT]+|-[pCo]|--no-headers|--forest)$/.test(arg) && arg !== '')
      continue
    if (before === '-o' && columns.test(arg)) continue
    if (/^-[pC]$/.test(before) && /^[\w,.-]+$/.test(arg)) continue
    call.unreadable(`the policy does not know what ps does with ${show(arg)}`, arg)
  }
}

/** Some options of `jq` take two values. */
const jqProper = judgeBy(`-rcnsSeMCjaR --raw-output --compact-output --null-input --slurp --sort-keys
  --exit-status --raw-input --join-output --tab --indent:number --color-output | jq read*`)
const jq: Rule = (call) => {
  const args: string[] = []
  for (let at = 0; at < call.args.length; at++) {
    const arg = call.args[at] ?? ''
    const name = call.args[at + 1] ?? ''
    if (!/^--(arg|argjson|slurpfile|rawfile)$/.test(arg)) args.push(arg)
    else {
      const value = call.args[at + 2] ?? ''
      if (!/^\w+$/.test(name) || /\u{f0004}/u.test(value))
        call.unreadable(`the policy does not know what jq does with ${show(name)} ${show(value)}`, value)
      else if (arg.endsWith('file')) call.reads(value)
      at += 2
    }
  }
  jqProper({ ...call, args })
}

/** `-i` writes in place; without `-e` the first operand is the script. */
const sed: Entry = {
  grammar: '-nErsuz -e:sed -i?backup --expression:sed --quiet --regexp-extended --in-place?backup | write*',
  also(call, { options, values }) {
    const operands = values.filter(({ option }) => option === null)
    const files = options.has('-e') || options.has('--expression') ? operands : operands.slice(1)
    const [script] = operands
    if (files.length < operands.length && script !== undefined) script.kind = 'sed'
    if (!options.has('-i') && !options.has('--in-place')) for (const file of files) file.kind = 'read'
    for (const { kind, text } of values)
      if (kind === 'backup') for (const file of files) call.writes(file.text + text)
  },
}

const prints = '| read*'

export const textTables: Readonly<Record<string, Entry | Rule>> = {
  cat: `-AbeEnstTuv --number --show-all ${prints}`,
  'tac rev': prints,
  head: `-# -qvz -n:number -c:number --lines:number --bytes:number ${prints}`,
  tail: `-# -fFqvz -n:number -c:number -s:number --lines:number --bytes:number --follow ${prints}`,
  wc: `-clmwL --lines --words --bytes --chars ${prints}`,
  ls: `-aAbBcCdfFgGhHiklLmnNopqQrRsStuUvxXZ1 -w:number -I:text --all --almost-all --color?name --recursive
    --human-readable --reverse --size --sort:name --group-directories-first --full-time ${prints}`,
  stat: `-fLt -c:text --format:text --printf:text ${prints}`,
  file: `-bih --brief --mime --mime-type ${prints}`,
  du: `-abchkmsx -d:number --max-depth:number --apparent-size --total --summarize --human-readable --exclude:text ${prints}`,
  df: `-ahHikTl --human-readable --total ${prints}`,
  readlink: `-femn --canonicalize ${prints}`,
  realpath: `-emqsz --relative-to:read ${prints}`,
  basename: '-az -s:text | text text?',
  dirname: '-z | text*',
  'md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum sum': `-bt ${prints}`,
  'base64 base32': '-di -w:number --decode --wrap:number | read?',
  cut: `-snz -b:word -c:word -d:text -f:word --complement --delimiter:text --fields:word --output-delimiter:text ${prints}`,
  paste: `-sz -d:text ${prints}`,
  join: '-i -t:text -1:number -2:number -a:number -v:number -o:word -e:text | read read',
  comm: '-123 | read read',
  tr: '-cdsCt | text text?',
  nl: `-b:name -w:number -s:text -n:name -v:number -i:number ${prints}`,
  fold: `-bs -w:number ${prints}`,
  fmt: `-su -w:number ${prints}`,
  'expand unexpand': `-ai -t:word ${prints}`,
  column: `-tx -s:text -o:text -c:number ${prints}`,
  sort: `-bdfghiMnRrVuzcCsm -k:word -t:text -o:write --unique --reverse --numeric-sort --key:word
    --field-separator:text --version-sort --human-numeric-sort --stable --output:write ${prints}`,
  uniq: '-cdDiuz -f:number -s:number -w:number --count --repeated --unique | read? write?',
  shuf: '-r -n:number -i:word -o:write | read?',
  seq: '-w -s:text | number*',
  od: `-vcx -A:name -t:name -N:number -j:number ${prints}`,
  xxd: '-prubi -l:number -s:number -c:number -g:number | read?',
  'hexdump hd': `-Cbcdoxv -n:number -s:number ${prints}`,
  strings: `-a -# -n:number -t:name ${prints}`,
  iconv: `-c -f:name -t:word ${prints}`,
  cmp: '-lsb -n:number | read read',
  diff: `-uqwbBiEZtyas -# -U:number -C:number --unified?number --color?name --brief --side-by-side
    --ignore-all-space --ignore-space-change | file file`,
  'grep egrep fgrep': grep,
  rg: ripgrep,
  'fd fdfind':
    '-HIgisa -e:name -t:name -d:number -E:text --type:name --extension:name --hidden --no-ignore | text? deep*',
  tree: `-adfhigsDtrC -# -L:number -I:text -P:text --dirsfirst --noreport --gitignore ${prints}`,
  jq,
  sed,
  'awk gawk mawk nawk': '-F:text -v:assign | awk read*',
  'nm objdump readelf size': `-aCDdghlnpSsTtuWx --demangle --disassemble ${prints}`,
  'zcat bzcat xzcat': prints,
  date: '-uR -d:text -r:read -I?name --date:text --utc --iso-8601?name | format?',
  'sleep factor': '| number*',
  'expr echo true false :': 'raw | any*',
  printf: 'raw | said any*',
  numfmt: '--to:name --from:name --suffix:text | number*',
  bc: '-lq |',
  cal: '-13y | number*',
  which: '-a | target*',
  type: '-atpP | target*',
  id: '-ugnGr | target?',
  hostname: '-fsiId |',
  'uname arch nproc uptime whoami tty groups logname users clear lscpu': '-amnoprsv --all |',
  free: '-hmgkt |',
  lsblk: '-fa |',
  locale: '-a |',
  getconf: '| target target?',
  tput: '| name*',
  stty: '-a |',
  pwd: '-LP |',
  pgrep: '-flanox -u:name | text?',
  ps,
  lsof: '-tPn -i?word | word?',
  'ss netstat': '-tulnpa |',
  uuidgen: '-r |',
  timedatectl: '|',
  ip: subcommands(Object.fromEntries(['addr', 'a', 'link', 'route', 'neigh'].map((name) => [name, '|']))),
  getent: subcommands({
    hosts: (call) => {
      if (call.args.join() !== 'localhost') call.unreadable('getent asks other machines')
    },
    passwd: '| name?',
    group: '| name?',
  }),
  apt: subcommands({ list: '--installed --upgradable | name*', show: '| name*', search: '| name*' }),
  dpkg: '-lsL | target*',
}
