/** The benchmark's side of the printer: a folder with the program and its orders. */
import { cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Order } from './printer.ts'

export interface Printing {
  /** Where the program is, and where it must be run. */
  folder: string
  /** So many lines a second from now on. */
  rate(perSecond: number): void
  /** So many lines at once, then silence. */
  burst(count: number): void
}

export function preparePrinting(scratch: string): Printing {
  const folder = join(scratch, 'printer')
  mkdirSync(folder)
  for (const name of ['printer.ts', 'marker.ts']) {
    cpSync(fileURLToPath(new URL(name, import.meta.url)), join(folder, name))
  }
  // The copy stands outside of any package: without this Node would guess, and say so.
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n')
  let step = 0
  const give = (order: Partial<Order>) => {
    const whole: Order = { step: ++step, perSecond: 0, burst: 0, stop: false, ...order }
    // Renamed into place: the printer never reads half an order.
    writeFileSync(join(folder, 'next.json'), JSON.stringify(whole))
    renameSync(join(folder, 'next.json'), join(folder, 'order.json'))
  }
  give({})
  return { folder, rate: (perSecond) => give({ perSecond }), burst: (burst) => give({ burst }) }
}
