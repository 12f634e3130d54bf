/** Interleaving: A B C, A B C, …, so that whatever else the machine does meets all sides alike. */
import { type Scratch, withScratch } from '../measure/scratch.ts'

export async function interleaved<Side extends { name: string }>(
  label: string,
  sides: readonly Side[],
  rounds: number,
  measure: (side: Side, scratch: Scratch) => Promise<void>,
): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    for (const side of sides) {
      console.error(`  ${label}: ${side.name}, round ${round} of ${rounds}`)
      await withScratch((scratch) => measure(side, scratch))
    }
  }
}

export function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`
}
