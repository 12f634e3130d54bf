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
