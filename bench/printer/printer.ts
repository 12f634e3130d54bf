/**
 * The program that makes the events: it prints marked lines as its order file says, and is run by
 * Millrace as a job's command and by every peer as a bare child.
 *
 *   node printer.ts                    obeys `order.json` in its working directory
 *   node printer.ts flood <count>      prints that many lines as fast as they are taken, and ends
 *
 * It ends when its order file or its parent is gone.
 */
import { readFileSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { markedLine } from './marker.ts'

export interface Order {
  /** Changes with every order. */
  step: number
  /** Lines per second; 0: silence. */
  perSecond: number
  /** Lines to print at once before that. */
  burst: number
  stop: boolean
}

/** With the JSON around it this makes an event of about 200 bytes. */
const lineLength = 150
const floodLineLength = 50
const floodChunk = 1000
/** What could not be printed in time is not made up for beyond this: the rate is "as fast as it goes". */
const mostDebtMs = 50
const lookEveryMs = 20

const [mode, count] = process.argv.slice(2)
if (mode === 'flood') flood(Number(count))
else await obey()

function flood(total: number): void {
  for (let n = 1; n <= total; n += floodChunk) {
    let text = ''
    for (let at = n; at < n + floodChunk && at <= total; at++) text += `${markedLine(at, floodLineLength)}\n`
    print(text)
  }
}

async function obey(): Promise<void> {
  const parent = process.ppid
  let order: Order = { step: 0, perSecond: 0, burst: 0, stop: false }
  let printed = 0
  let due = 0
  let before = performance.now()
  let looked = Number.NEGATIVE_INFINITY

  const lines = (howMany: number) => {
    let text = ''
    for (let left = howMany; left > 0; left--) {
      text += `${markedLine(++printed, lineLength)}\n`
      if (text.length > 32_768) {
        print(text)
        text = ''
      }
    }
    print(text)
  }

  while (!order.stop && process.ppid === parent) {
    const now = performance.now()
    if (now - looked >= lookEveryMs) {
      looked = now
      const next = readOrder()
      if (next === null) return
      if (next.step !== order.step) {
        order = next
        due = 0
        before = now
        lines(order.burst)
      }
    }
    due += (Math.min(now - before, mostDebtMs) / 1000) * order.perSecond
    before = now
    const whole = Math.floor(due)
    if (whole > 0) lines(whole)
    due -= whole
    await sleep(order.perSecond === 0 ? lookEveryMs : 1)
  }
}

function readOrder(): Order | null {
  try {
    return JSON.parse(readFileSync('order.json', 'utf8')) as Order
  } catch {
    return null
  }
}

/** Waits until all of it is taken: a slow reader slows the printer. */
function print(text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') process.exit(1)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}
