/** Names of users: they become owners of runs, and are shown in lists and logs. */

/** The name under which the tokens of the process act. Nobody else may have it without being an admin. */
export const adminUser = 'admin'

const longest = 255

/** Is this a name for a user? `admin` says whether it is to be an admin's. */
export function isUserName(name: unknown, admin: boolean): name is string {
  if (typeof name !== 'string' || name.length === 0 || name.length > longest) return false
  return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(name) && (admin || name !== adminUser)
}
