/** Users' names: they own runs, and appear in lists and logs. */

/** The name under which the tokens of the process act; only an admin may have it. */
export const adminUser = 'admin'

const charsMax = 255

/**
 * Is this a valid name for a user, or, with `admin`, for an admin? Not one that could be shown as another's: with characters
 * that nobody sees or that reverse what follows, or with space around it.
 */
export function isUserName(name: unknown, admin: boolean): name is string {
  if (typeof name !== 'string' || name.length === 0 || name.length > charsMax) return false
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|^\s|\s$/u.test(name)) return false
  return admin || name !== adminUser
}
