/**
 * The address at which clients reach this server: `http.publicUrl`, else the one it listens on, which is known
 * once it listens, and never when it is embedded.
 *
 * Below a path prefix, a proxy may remove the prefix or leave it in place: both arrive at the same routes.
 */
export class PublicAddress {
  readonly #configured: URL | null
  #listening = ''

  /** `publicUrl` is `http.publicUrl`, as the configuration normalizes it. */
  constructor(publicUrl?: string | undefined) {
    this.#configured = publicUrl === undefined ? null : new URL(publicUrl)
  }

  /** Sets the address that this server listens on. */
  set(url: string): void {
    this.#listening = url
  }

  /** Without a trailing slash; empty while unknown. */
  get url(): string {
    if (this.#configured === null) return this.#listening
    return this.#configured.origin + this.prefix
  }

  /** The path below which clients see this server (`/mill`); empty at the root, or where no address is configured. */
  get prefix(): string {
    return this.#configured?.pathname.replace(/\/$/, '') ?? ''
  }

  /** The origin of the configured address, whose pages are ours whatever `Host` a proxy sends. */
  get origin(): string | null {
    return this.#configured?.origin ?? null
  }

  /** True when browsers reach this server over TLS only. */
  get isSecure(): boolean {
    return this.#configured?.protocol === 'https:'
  }

  /** Cookies ignore ports: two servers on one host must not take each other's. */
  get cookieName(): string {
    if (this.url === '') return 'millrace_embedded'
    const { port, protocol } = new URL(this.url)
    return `millrace_${port || (protocol === 'https:' ? '443' : '80')}`
  }

  /** Returns the path and query of a request as our routes know them. */
  withoutPrefix(target: string): string {
    const { prefix } = this
    return prefix !== '' && target.startsWith(`${prefix}/`) ? target.slice(prefix.length) : target
  }
}
