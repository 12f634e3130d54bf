/** Users' names: they own runs, and appear in lists and logs. */

/** The name under which the tokens of the process act; only an admin may have it. */
export const adminUser = 'admin'

const charsMax = 255

/** Is this a valid name for a user, or, with `admin`, for an admin? */
export function isUserName(name: unknown, admin: boolean): name is string {
  if (typeof name !== 'string' || name.length === 0 || name.length > charsMax) return false
  return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(name) && (admin || name !== adminUser)
}
