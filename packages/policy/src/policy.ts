/**
 * The tool policy: a pure answer to "may an agent make this call?". It explains, and asks people; the
 * sandbox is the boundary. See docs/policy.md.
 */
import { messageOf } from '@millrace/protocol'
import { createBashReader } from '#bash/read'
import { type Finding, gravest, type Span, spansOf } from './finding.ts'
import { createPlaces } from './places.ts'
import { judgeFileTool, judgeOtherTool } from './tool-input.ts'
import { defaultAllowedTools, isListed, neverAllowed, undescribedTool } from './tools.ts'

export { defaultAllowedTools } from './tools.ts'

/**
 * `reason`: one sentence for the agent and for a person. `unread`: the parts of the command that could not
 * be read, as offsets into it, in order, to be marked in the question. Empty where it is all of it.
 */
export type Verdict =
  | { decision: 'allow' }
  | { decision: 'deny'; reason: string }
  | { decision: 'ask'; reason: string; unread?: readonly Span[] }

export interface ToolCall {
  tool: string
  input: Record<string, unknown>
  /** Absolute: where a relative path or a command starts. */
  cwd: string
}

export interface PolicyOptions {
  /** Names of tools, and `mcp__server__*` for all tools of a server. Undefined: the built-in list. */
  allowedTools?: readonly string[] | undefined
  /** What becomes of bash that cannot be read inside a sandbox. Outside, people are asked or it is denied. */
  unreadableBash: 'allow' | 'ask' | 'deny'
  /** With `off` nobody can be asked, and *ask* is a denial. */
  approvals: 'off' | 'on'
  sandboxed: boolean
  /** Absolute. */
  projectPath: string
  /** Absolute: the home of the person whose credentials are to be kept. */
  home: string
  /** Absolute paths that no call may read or write: the data directory. */
  hidden?: readonly string[] | undefined
}

export interface Policy {
  /** Never throws: what it fails at is denied. */
  decide(call: ToolCall): Verdict
  /** Names on the allow-list that are not among the known tools, to be reported at boot. */
  unknownTools(known: readonly string[]): string[]
}

export function createPolicy(options: PolicyOptions): Policy {
  const allowed = options.allowedTools ?? defaultAllowedTools
  const { projectPath, home, sandboxed, hidden = [] } = options
  const places = createPlaces({ projectPath, home, sandboxed, hidden })
  const readBash = createBashReader({ places, projectPath, home, sandboxed })

  function judge({ tool, input, cwd }: ToolCall): readonly Finding[] {
    if (neverAllowed.includes(tool)) return forbidden(`the tool ${tool} is switched off for every session`)
    if (tool === undescribedTool)
      return [{ level: 'unreadable', reason: 'the agent does not say what this call does' }]
    if (!isListed(allowed, tool)) return forbidden(`the tool ${tool} is not on the list of allowed tools`)
    if (tool === 'Bash' || tool === 'Monitor') {
      if (input.dangerouslyDisableSandbox === true)
        return forbidden('dangerouslyDisableSandbox would take the command out of the sandbox')
      if (tool === 'Monitor' && input.command === undefined)
        return forbidden('Monitor may watch a command only')
      if (typeof input.command !== 'string') return forbidden(`${tool} has no command that is text`)
      return readBash(input.command, cwd).findings
    }
    const finding = judgeFileTool(places, tool, input, cwd) ?? judgeOtherTool(tool, input)
    return finding === null ? [] : [finding]
  }

  function verdictOn(findings: readonly Finding[]): Verdict {
    const finding = gravest(findings)
    if (finding === null) return { decision: 'allow' }
    const reason = sentence(finding.reason)
    if (finding.level === 'forbidden') return { decision: 'deny', reason }
    if (sandboxed && options.unreadableBash === 'allow') return { decision: 'allow' }
    const asks = options.approvals === 'on' && (!sandboxed || options.unreadableBash === 'ask')
    if (asks) return { decision: 'ask', reason, unread: spansOf(findings) }
    return {
      decision: 'deny',
      reason: sandboxed ? reason : sentence(`outside a sandbox this is not run: ${finding.reason}`),
    }
  }

  return {
    decide(call) {
      try {
        return verdictOn(judge(call))
      } catch (error) {
        const problem = messageOf(error)
        return { decision: 'deny', reason: `The policy failed to read this call: ${problem}.` }
      }
    },
    unknownTools: (known) => allowed.filter((name) => !name.startsWith('mcp__') && !known.includes(name)),
  }
}

function forbidden(reason: string): readonly Finding[] {
  return [{ level: 'forbidden', reason }]
}

function sentence(reason: string): string {
  const end = reason.endsWith('…') ? '' : '.'
  return `${reason.slice(0, 1).toUpperCase()}${reason.slice(1)}${end}`
}
