/** Programs in place of the SDK's own, which break the rules that it keeps. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Workspace } from '@millrace/test-support/workspace'

/** A shell script in a folder of its own, for `pathToClaudeCodeExecutable`. */
export function program(workspace: Workspace, name: string, script: string): string {
  const folder = join(workspace.root, 'programs', name)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'claude')
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return path
}

/** Shell code that writes a message. */
export function saying(message: Record<string, unknown>): string {
  return `echo '${JSON.stringify(message)}'`
}
