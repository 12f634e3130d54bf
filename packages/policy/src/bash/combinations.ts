/** All commands that arguments with several possible texts may be; too many of them are one unknown one. */
import { unknownText } from './symbols.ts'

const mostCombinations = 24

export function combinations(argv: readonly (readonly string[])[]): string[][] {
  let found: string[][] = [[]]
  for (const texts of argv) {
    const open = found.length * texts.length > mostCombinations ? [unknownText] : texts
    found = found.flatMap((one) => open.map((text) => [...one, text]))
  }
  return found
}
