/** What may be asked of the gateway to the model's API. */

/**
 * True for a target that begins with a slash and has nothing in its path that any server would read as
 * a step up: then it lies below whatever it is put behind. A host cannot be named in such a target.
 */
export function staysBelow(target: string): boolean {
  if (!target.startsWith('/')) return false
  let path = target.split(/[?#]/, 1)[0] ?? ''
  // Encoded more than once, it is decoded more than once somewhere.
  for (let before = ''; before !== path; ) {
    before = path
    try {
      path = decodeURIComponent(path)
    } catch {
      return false
    }
  }
  // Parameters of a segment are taken off by some servers before they look at it.
  return !path.split(/[/\\]/).some((segment) => /^\.{1,2}(;|$)/.test(segment))
}
