/** Which request targets the gateway to the model's API accepts. */

/**
 * True for a target that begins with a slash and has nothing in its path that any server would read as
 * a step up: it stays below any prefix. Such a target cannot name a host.
 */
export function staysBelow(target: string): boolean {
  if (!target.startsWith('/')) return false
  let path = target.split(/[?#]/, 1)[0] ?? ''
  // A path that is encoded twice may be decoded twice by some server.
  for (let before = ''; before !== path; ) {
    before = path
    try {
      path = decodeURIComponent(path)
    } catch {
      return false
    }
  }
  // Some servers remove the parameters of a segment before they look at it.
  return !path.split(/[/\\]/).some((segment) => /^\.{1,2}(;|$)/.test(segment))
}

/**
 * What a session needs of the API: messages, the count of tokens, and whether the API is there, which the SDK asks
 * at its start. With the key behind the gateway, a program of the agent could otherwise start batches or delete files.
 */
export function isNeeded(method: string | undefined, target: string): boolean {
  const path = target.split('?', 1)[0]
  if (method === 'HEAD') return path === '/'
  return method === 'POST' && (path === '/v1/messages' || path === '/v1/messages/count_tokens')
}

/** True for the target of a request that costs money. */
export function isMessage(target: string): boolean {
  return target.split('?', 1)[0] === '/v1/messages'
}
