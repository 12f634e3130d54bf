/**
 * The mark every benchmark event carries in its text: `^nnnnnnnnnn,tttttttttttttttt@`, the number of the
 * event (1, 2, 3 …) and when it was printed, in microseconds of the machine's monotonic clock, which
 * all processes share. Of fixed width, so that a reader finds it without parsing.
 */
const numberDigits = 10
const timeDigits = 16
export const markLength = numberDigits + timeDigits + 3
export const markStart = 0x5e
export const markEnd = 0x40

export function nowMicros(): number {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1e6 + Math.floor(nanos / 1000)
}

/** One line of exactly `length` characters, its end not included. */
export function markedLine(n: number, length: number): string {
  const number = String(n).padStart(numberDigits, '0')
  const time = String(nowMicros()).padStart(timeDigits, '0')
  return `^${number},${time}@`.padEnd(length, 'x')
}

/** `end` is where the mark's last byte lies, which must be in the buffer as a whole. */
export function numberAt(buffer: Uint8Array, end: number): number {
  return digits(buffer, end - markLength + 2, numberDigits)
}

export function timeAt(buffer: Uint8Array, end: number): number {
  return digits(buffer, end - timeDigits, timeDigits)
}

function digits(buffer: Uint8Array, from: number, count: number): number {
  let value = 0
  for (let at = from; at < from + count; at++) value = value * 10 + ((buffer[at] ?? 0) - 48)
  return value
}
