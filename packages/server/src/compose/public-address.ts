/** The address at which clients reach this server; known once it listens, never when it is embedded. */
export class PublicAddress {
  #url = ''

  /** Without a trailing slash; empty until then. */
  get url(): string {
    return this.#url
  }

  set(url: string): void {
    this.#url = url
  }

  /** Cookies ignore ports: two servers on one host must not take each other's. */
  get cookieName(): string {
    return `millrace_${this.#url === '' ? 'embedded' : new URL(this.#url).port || '80'}`
  }
}
