/** Functions to call when something happens. */
export class Listeners<News> {
  readonly #listeners = new Set<(news: News) => void>()

  /** Returns what removes the listener. */
  add(listener: (news: News) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  call(news: News): void {
    for (const listener of this.#listeners) listener(news)
  }
}
