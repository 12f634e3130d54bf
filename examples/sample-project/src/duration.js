/** Durations as people write them: "1h 30m". All numbers are whole minutes. */

const hour = 60

/**
 * Reads "2h", "45m" or "1h 30m".
 *
 * @param {string} text
 * @returns {number} minutes
 */
export function parseDuration(text) {
  const match = /^(?:(\d+)h)?\s*(?:(\d+)m)?$/.exec(text.trim())
  if (match === null || match[0] === '') throw new Error(`not a duration: ${JSON.stringify(text)}`)
  const [, hours = '0', minutes = '0'] = match
  return Number(hours) * hour + Number(minutes)
}

/**
 * The shortest way to write it: no part that is zero, unless all of it is.
 *
 * @param {number} minutes
 */
export function formatDuration(minutes) {
  const parts = []
  if (minutes > hour) parts.push(`${Math.floor(minutes / hour)}h`)
  const rest = minutes > hour ? minutes % hour : minutes
  if (rest > 0 || parts.length === 0) parts.push(`${rest}m`)
  return parts.join(' ')
}
