/** The rule of each program the policy knows, by name. */
import type { Rule } from '#bash/call'
import { awkRules } from './awk.ts'
import { builtinRules } from './builtins.ts'
import { fileRules } from './files.ts'
import { findRules } from './find.ts'
import { forbiddenRules } from './forbidden.ts'
import { gitRules } from './git.ts'
import { interpreterRules } from './interpreters.ts'
import { networkRules } from './network.ts'
import { packageRules } from './packages.ts'
import { processRules } from './processes.ts'
import { readerRules } from './readers.ts'
import { sedRules } from './sed.ts'
import { toolRules } from './tools.ts'
import { wrapperRules } from './wrappers.ts'

const rules = new Map<string, Rule>(
  [
    toolRules,
    readerRules,
    fileRules,
    findRules,
    sedRules,
    awkRules,
    gitRules,
    interpreterRules,
    networkRules,
    packageRules,
    processRules,
    wrapperRules,
    builtinRules,
    forbiddenRules,
  ].flatMap((table) => Object.entries(table)),
)

export function ruleOf(name: string): Rule | undefined {
  // `python3.12`, `gcc-13`, `mkfs.ext4` are the program without the number.
  return (
    rules.get(name) ?? rules.get(name.replace(/[-.]?\d[\d.]*$/, '')) ?? rules.get(name.replace(/\..*$/, ''))
  )
}
