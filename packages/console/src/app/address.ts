/** Where this console is served: any path of any host. */

/**
 * The entry script lies in a folder beside the page's first address (`assets/`; `src/` in development). Read once, while
 * the document's address is still the one it was loaded from.
 */
function readBase(): URL {
  const script = document.querySelector<HTMLScriptElement>('script[type="module"][src]')
  return new URL('..', script === null ? new URL('/x/y', location.href) : script.src)
}

const base = readBase()

/** Without a trailing slash: `https://example.org/mill`. */
export const serverUrl = base.href.replace(/\/$/, '')

/** With a leading slash, without a trailing one; `/` at the root of the host. */
export const basePath = base.pathname.replace(/(.)\/$/, '$1')

/** The address of a file or page of this server. */
export function addressOf(path: string): string {
  return `${basePath === '/' ? '' : basePath}/${path.replace(/^\//, '')}`
}
