/** `curl` and `wget`: reading from the network is free, sending files of a person is not. */

import type { Call, Rules } from '#bash/call'
import { isUnknown, show } from '#bash/symbols'
import { isMetadataService } from '#hosts'
import { has, hasLong, take, valuesOf } from './arguments.ts'

function address(call: Call, url: string) {
  // curl makes several addresses out of one.
  if (/\{|\[\w+-\w+/.test(url)) call.unreadable(`${show(url)} stands for several addresses`)
  if (isMetadataService(url)) call.forbid(`${show(url)} is where a cloud gives out credentials`)
  if (/^file:/i.test(url)) call.reads(url.replace(/^file:(\/\/(localhost)?)?/i, ''))
  else if (/^(scp|sftp|smb|smbs|ldap|ldaps|telnet|dict|gopher|tftp|imap|pop3|smtp)s?:/i.test(url))
    call.forbid(`${show(url)} speaks another protocol than the web's`)
  if (
    isUnknown(url) &&
    !/^https?:\/\/[^/]*\//.test(url) &&
    !/^https?:\/\/(localhost|127\.0\.0\.1):/.test(url)
  )
    call.unreadable(`it is not known where ${call.name} connects to (${show(url)})`)
}

function curl(call: Call) {
  const taken = take(call.args, {
    values: 'AbcCdDeEFhHKmoPQrtTuUwxXyYz',
    long: ['--netrc', '--netrc-optional', '--remote-name', '--remote-name-all', '--remote-header-name'],
    longValues:
      '--data --data-raw --data-binary --data-urlencode --data-ascii --form --header --output --output-dir --upload-file --config --user --request --url --cookie --cookie-jar --dump-header --max-time --connect-timeout --retry --retry-delay --write-out --user-agent --referer --proxy --unix-socket --abstract-unix-socket --cert --key --cacert --netrc-file --json --trace --trace-ascii --stderr --range --resolve --connect-to --interface --form-string --libcurl --etag-save --etag-compare --hsts --alt-svc --variable --expand-url --expand-data --quote'.split(
        ' ',
      ),
  })
  if (has(taken, '-K', '--config')) call.unreadable('curl takes its options from a file')
  if ([...taken.options].some((option) => /^--(expand-|variable)/.test(option)))
    call.unreadable('curl computes its options')
  if (has(taken, '-n', '--netrc', '--netrc-optional'))
    call.forbid('curl --netrc sends the passwords of a person')
  for (const path of valuesOf(
    taken,
    '-o',
    '--output',
    '-c',
    '--cookie-jar',
    '-D',
    '--dump-header',
    '--trace',
    '--trace-ascii',
    '--stderr',
    '--output-dir',
    '--libcurl',
    '--etag-save',
    '--hsts',
    '--alt-svc',
  ))
    if (path !== '-') call.writes(path)
  if (has(taken, '-O', '-J', '--remote-name', '--remote-name-all', '--remote-header-name')) call.writes('.')
  for (const path of valuesOf(
    taken,
    '-T',
    '--upload-file',
    '-E',
    '--cert',
    '--key',
    '--cacert',
    '--netrc-file',
    '--unix-socket',
    '--etag-compare',
  ))
    call.reads(path)
  for (const [name, value] of taken.values) {
    if (!/^(-[dFbHw]|--(data|form|cookie|header|json|write-out).*)$/.test(name)) continue
    const file =
      /(?:^|=|;)[@<]([^;,]+)/.exec(value)?.[1] ??
      (/urlencode/.test(name) ? /^\w*@(.+)/.exec(value)?.[1] : undefined)
    if (file !== undefined && file !== '-' && name !== '--data-raw' && name !== '--form-string')
      call.reads(file)
  }
  for (const url of [...taken.operands, ...valuesOf(taken, '--url', '-x', '--proxy')]) address(call, url)
}

function wget(call: Call) {
  const taken = take(call.args, {
    values: 'oOaPiBeTUtwQlADIXR',
    longValues:
      '--output-document --output-file --append-output --directory-prefix --input-file --execute --post-file --post-data --header --body-file --body-data --config --use-askpass --load-cookies --save-cookies --timeout --tries'.split(
        ' ',
      ),
  })
  if (has(taken, '-e', '-i') || hasLong(taken, '--execute', '--input-file', '--config', '--use-askpass'))
    call.unreadable('wget takes options or a program from elsewhere')
  for (const path of valuesOf(
    taken,
    '-O',
    '-o',
    '-a',
    '-P',
    '--output-document',
    '--output-file',
    '--append-output',
    '--directory-prefix',
    '--save-cookies',
  ))
    if (path !== '-') call.writes(path)
  if (!has(taken, '-O', '--output-document')) call.writes('.')
  for (const path of valuesOf(taken, '--post-file', '--body-file', '--load-cookies')) call.reads(path)
  for (const url of taken.operands) address(call, url)
}

export const networkRules: Rules = { curl, wget }
