/** What must be released at the end, in the order in which it was acquired; released in the reverse order. */
export type Releases = (() => unknown)[]

export async function releaseAll(releases: Releases): Promise<void> {
  for (const release of releases.splice(0).reverse()) await release()
}
