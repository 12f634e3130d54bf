/** Who is calling. Every face acts on behalf of exactly one principal. */
export interface Principal {
  /** The owner of the runs that this principal starts. */
  user: string
  /** An admin sees and may end every run. */
  admin: boolean
}

/** May this principal see what belongs to `owner`? If not, it answers as something that does not exist. */
export function maySee(principal: Principal, owner: string): boolean {
  return principal.admin || principal.user === owner
}
