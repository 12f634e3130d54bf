/** A timesheet: one line a piece of work, `2026-01-05 09:00-10:30 design`. */

const line = /^(\d{4}-\d{2}-\d{2}) (\d{2}):(\d{2})-(\d{2}):(\d{2}) (\S.*)$/

/**
 * @typedef {{ day: string, task: string, minutes: number }} Entry
 * @param {string} text empty lines and lines that begin with "#" are skipped
 * @returns {Entry[]}
 */
export function parseTimesheet(text) {
  return text.split('\n').flatMap((row, index) => {
    if (row.trim() === '' || row.startsWith('#')) return []
    const match = line.exec(row.trimEnd())
    if (match === null) throw new Error(`line ${index + 1} is no entry: ${row}`)
    const [, day, fromHour, fromMinute, toHour, toMinute, task] = match
    const from = Number(fromHour) * 60 + Number(fromMinute)
    const to = Number(toHour) * 60 + Number(toMinute)
    // Work past midnight belongs to the day it began on.
    return [{ day, task, minutes: to >= from ? to - from : to - from + 24 * 60 }]
  })
}

/**
 * Minutes of each task, the longest first.
 *
 * @param {Entry[]} entries
 * @returns {[task: string, minutes: number][]}
 */
export function totals(entries) {
  const sums = new Map()
  for (const { task, minutes } of entries) sums.set(task, (sums.get(task) ?? 0) + minutes)
  return [...sums].sort(([, left], [, right]) => right - left)
}
