/** Redirections: which files they open, and what a program is given to read by them. */
import type { Redirect, Redirection } from 'unbash'
import { type Expander, expandText } from '#bash/words/expand'
import type { Input } from './call.ts'
import type { Reading } from './reading.ts'
import { holdsStandIn, isUnknown, show } from './symbols.ts'

export function judgeRedirect(redirect: Redirection, to: Expander, reading: Reading): void {
  if (redirect.type === 'HereDoc') {
    if (redirect.closing === undefined) reading.unreadable('a heredoc has no end')
    // An end mark with expansions in it is taken as it is written, which other readers may not do.
    else if (!/^['"]?[\w.-]+['"]?$/.test(redirect.delimiter?.text ?? ''))
      reading.unreadable('the end mark of a heredoc is not plain')
    return
  }
  if (redirect.type === 'HereString') return
  const { operator, target, descriptor } = redirect
  if (descriptor?.type === 'FileDescriptorVariable') {
    to.scope.forget(descriptor.name)
    reading.unreadable(`the redirection sets ${descriptor.name}`)
  }
  if (target === undefined) {
    reading.unreadable(`the redirection ${operator} has no target`)
    return
  }
  for (const text of expandText(target, to)) {
    // `2>&1`, `>&-`
    if (operator.endsWith('&') && /^(\d+-?|-)$/.test(text)) continue
    if (/^\/dev\/(tcp|udp)\//.test(text)) {
      reading.unreadable(`${operator} ${show(text)} opens a connection of the shell's own`)
      continue
    }
    // One match of a pattern would be taken.
    const paths = holdsStandIn(text) || /[*?[]/.test(text) ? null : reading.pathsOf(text, to.scope)
    if (paths === null)
      reading.unreadable(`it is not known where the redirection ${operator} ${show(target.text)} leads`)
    for (const path of paths ?? []) judgePath(path, redirect, reading)
  }
}

function judgePath(path: string, { operator, target }: Redirect, reading: Reading): void {
  const { places } = reading.options
  const name = `the redirection ${operator} ${show(target?.text ?? '')}`
  const reads = operator === '<' || operator === '<>'
  const writes = operator !== '<'
  const harm = (reads ? places.harmOfRead(path) : null) ?? (writes ? places.harmOfWrite(path) : null)
  if (harm !== null) reading.forbid(`${name} is refused: ${harm}`)
  const doubt =
    (reads ? places.doubtOfRead(path, false) : null) ?? (writes ? places.doubtOfWrite(path) : null)
  if (harm === null && doubt !== null) reading.unreadable(`${name} is in doubt: ${doubt}`)
  reading.order.uses(path, name)
  if (writes) {
    reading.makes(path)
    reading.order.writes(path, name)
  }
}

/** The last redirection of standard input counts. */
export function inputOf(redirects: readonly Redirection[], outer: Input, to: Expander): Input {
  let input = outer
  for (const redirect of redirects) {
    const number = redirect.descriptor?.type === 'FileDescriptor' ? redirect.descriptor.value : 0
    if (redirect.descriptor?.type === 'FileDescriptorVariable' || number !== 0) continue
    if (redirect.type === 'HereDoc') {
      const { body } = redirect
      const plain = body.parts === undefined || body.parts.every((part) => part.type === 'Literal')
      input =
        plain && redirect.delimiter?.quoted === true && redirect.operator === '<<' && !holdsStandIn(body.text)
          ? { from: 'text', text: body.text }
          : { from: 'elsewhere' }
    } else if (redirect.type === 'HereString') {
      const [text = '', other] = redirect.target === undefined ? [] : expandText(redirect.target, to)
      input =
        other === undefined && !isUnknown(text) ? { from: 'text', text: `${text}\n` } : { from: 'elsewhere' }
    } else if (['<', '<>', '<&'].includes(redirect.operator)) input = { from: 'elsewhere' }
  }
  return input
}
