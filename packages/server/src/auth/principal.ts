/** Who is calling. Every face acts on behalf of exactly one principal. */
export interface Principal {
  /** Owner name given to what this principal starts. */
  user: string
  /** An admin sees and may end every run. */
  admin: boolean
}

/** May this principal see what belongs to `owner`? A "no" is answered as if it did not exist. */
export function maySee(principal: Principal, owner: string): boolean {
  return principal.admin || principal.user === owner
}
