/** What is known of each program, by its name. */
import type { Rule } from '#bash/call'
import { type Entry, rulesOf } from './judge.ts'
import { builtinTables } from './tables/builtins.ts'
import { fileTables } from './tables/files.ts'
import { findTables } from './tables/find.ts'
import { git } from './tables/git.ts'
import { packageTables } from './tables/packages.ts'
import { systemTables } from './tables/system.ts'
import { textTables } from './tables/text.ts'
import { toolTables } from './tables/tools.ts'

/** Every line of the tables, for the tests that are made from them. */
export const tables: Readonly<Record<string, Entry | Rule>> = {
  ...textTables,
  ...fileTables,
  ...findTables,
  ...packageTables,
  ...toolTables,
  ...systemTables,
  ...builtinTables,
  git,
}

const rules = new Map<string, Rule>(rulesOf(tables))

export function ruleOf(name: string): Rule | undefined {
  // `python3.12`, `gcc-13` and `mkfs.ext4` are the program without the ending.
  return rules.get(name) ?? rules.get(name.replace(/-?\d+(\.\d+)*$/, '').replace(/^mkfs\..*/, 'mkfs'))
}
