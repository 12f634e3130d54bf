/** Redirections: which files they open, and what a program is given to read by them. */
import type { Redirection } from 'unbash'
import type { Input } from './call.ts'
import { type Expander, expandText } from './expand.ts'
import type { Reading } from './reading.ts'
import { isUnknown, show } from './symbols.ts'

export function judgeRedirect(redirect: Redirection, to: Expander, reading: Reading) {
  if (redirect.type === 'HereDoc') {
    if (redirect.closing === undefined) reading.unreadable('a heredoc has no end')
    return
  }
  if (redirect.type === 'HereString') return
  const { operator, target, descriptor } = redirect
  if (descriptor?.type === 'FileDescriptorVariable') to.scope.forget(descriptor.name)
  if (target === undefined) return reading.unreadable(`the redirection ${operator} has no target`)
  for (const text of expandText(target, to)) {
    // `2>&1`, `>&-`
    if (operator.endsWith('&') && /^(\d+-?|-)$/.test(text)) continue
    if (/^\/dev\/(tcp|udp)\//.test(text)) {
      reading.forbid(`${operator} ${show(text)} would open a connection of the shell's own`)
      continue
    }
    const paths = isUnknown(text) ? null : reading.pathsOf(text, to.scope)
    if (paths === null) {
      reading.unreadable(`it is not known where the redirection ${operator} ${show(target.text)} leads`)
      continue
    }
    const { places } = reading.options
    for (const path of paths) {
      const reason = operator === '<' ? places.refuseRead(path, false) : places.refuseWrite(path)
      if (reason !== null)
        reading.forbid(`the redirection ${operator} ${show(target.text)} is refused: ${reason}`)
      if (operator !== '<') reading.written.push(path)
    }
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
        plain && redirect.delimiter?.quoted === true && redirect.operator === '<<'
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
