/** The input of every tool but bash: which paths it names, and what it may do there. */
import { limits } from '#bash/reading'
import { globToStandIns, holdsStandIn } from '#bash/symbols'
import type { Finding } from './finding.ts'
import { isMetadataService } from './hosts.ts'
import type { Places } from './places.ts'

const writers: Record<string, readonly string[]> = { Edit: ['file_path'], Write: ['file_path'] }
const readers: Record<string, readonly string[]> = {
  Read: ['file_path'],
  LSP: ['filePath', 'file_path'],
  Glob: ['path'],
  Grep: ['path'],
}

export function judgeFileTool(
  places: Places,
  tool: string,
  input: Record<string, unknown>,
  cwd: string,
): Finding | null {
  for (const key of writers[tool] ?? []) {
    const path = textOf(input[key])
    if (path === null || path === '') return forbidden(`${tool} names no file`)
    const refusal = badPath(path) ?? places.refuseWrite(places.resolve(path, cwd))
    if (refusal !== null) return forbidden(`${tool} may not write there: ${refusal}`)
  }
  const refusalOfGlob = (pattern: string, start: string) =>
    places.refuseRead(places.resolve(globPath(pattern), start), true)
  const deep = tool === 'Glob' || tool === 'Grep'
  for (const key of readers[tool] ?? []) {
    const value = input[key]
    if (value === undefined) continue
    const path = textOf(value)
    if (path === null) return forbidden(`${tool} names a path that is not text`)
    const refusal = badPath(path) ?? places.refuseRead(places.resolve(path, cwd), deep)
    if (refusal !== null) return forbidden(`${tool} may not read there: ${refusal}`)
  }
  // A pattern may lead elsewhere by itself: "../../other/**", "/etc/*".
  const pattern = tool === 'Glob' ? textOf(input.pattern) : null
  if (pattern !== null) {
    const refusal = badPath(pattern) ?? refusalOfGlob(pattern, places.resolve(textOf(input.path) ?? '.', cwd))
    if (refusal !== null) return forbidden(`${tool} may not look there: ${refusal}`)
  }
  return null
}

export function judgeOtherTool(tool: string, input: Record<string, unknown>): Finding | null {
  if (tool === 'Agent' && input.isolation !== undefined)
    return forbidden('a subagent works in this project and sandbox, without an isolation of its own')
  if (tool === 'WebFetch') {
    const url = textOf(input.url) ?? ''
    if (url.length > limits.characters) return forbidden('WebFetch may not open so long an address')
    if (!/^https?:\/\//i.test(url)) return forbidden('WebFetch may open web addresses only')
    if (isMetadataService(url)) return forbidden(`${url} is where a cloud gives out credentials`)
  }
  return null
}

/** `{a,b}` chooses between texts, which may hold anything. */
function globPath(pattern: string): string {
  const brace = pattern.indexOf('{')
  if (brace === -1) return globToStandIns(pattern)
  const before = pattern.slice(0, brace)
  return pattern.slice(brace).includes('..') || before === '' || before.endsWith('/')
    ? globToStandIns(before.slice(0, before.lastIndexOf('/') + 1) || '.')
    : globToStandIns(before)
}

function badPath(path: string): string | null {
  if (path.length > limits.pathCharacters) return 'the path is longer than any path can be'
  if (path.includes('\0') || holdsStandIn(path)) return 'the path holds characters that no path should'
  if (path.startsWith('~')) return 'a path does not begin with ~ for this tool'
  return null
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function forbidden(reason: string): Finding {
  return { level: 'forbidden', reason }
}
