/**
 * Bounds on the shape of the source: no function over 70 lines, no folder over 16 files. A longer function
 * is two functions, a fuller folder is two folders. A suite (the callback of `describe`) counts for nothing:
 * its tests do. Other exceptions are listed here by name; one that is no longer needed fails the check.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type CallExpression, type Node, parseSync, type Span } from '@swc/core'

const functionLinesMax = 70
const folderFilesMax = 16

/** `<file> <function>`: why it may be longer. */
const longFunctions: Record<string, string> = {
  'packages/store-conformance/src/producers.ts describeProducers': 'the suite of one part of the port',
  'packages/store-conformance/src/credentials.ts describeCredentials': 'the suite of one part of the port',
  'packages/store-conformance/src/approvals.ts describeApprovals': 'the suite of one part of the port',
  'packages/store-conformance/src/listing.ts describeListing': 'the suite of one part of the port',
  'packages/store-conformance/src/logs.ts describeLogs': 'the suite of one part of the port',
  'packages/store-conformance/src/queue.ts describeQueue': 'the suite of one part of the port',
  'packages/store-conformance/src/retention.ts describeRetention': 'the suite of one part of the port',
  'packages/store-conformance/src/room.ts describeRoom': 'the suite of one part of the port',
  'packages/store-conformance/src/transcripts.ts describeTranscripts': 'the suite of one part of the port',
  'packages/server/src/store/sqlite/writer/forgetter.ts createForgetter':
    'closures over one set of prepared statements',
  'packages/server/src/store/sqlite/writer/run-writer.ts createRunWriter':
    'closures over one set of prepared statements',
  'packages/server/src/telemetry/observed-store.ts observeStore':
    'one short method for each operation of the port',
  'packages/policy/src/bash/statements.ts commandOf': 'one case for each node of the grammar',
  'packages/sandbox/src/bubblewrap/bubblewrap.ts spawnContained': 'closures over one child',
  'packages/policy/src/bash/simple-call.ts simpleCall': 'one case for each form of a call',
  'packages/sandbox/src/open.ts openSandbox': 'closures over one boundary',
  'packages/scripted-model/src/server.ts startScriptedModel': 'closures over one server',
  'packages/server/test/faces/support/session-server.ts openSessionServer': 'a composition, for tests',
  'packages/server/test/runs/interleavings.test.ts play': 'one case for each move of the model',
}

/** `<folder>`: why it may be fuller. */
const fullFolders: Record<string, string> = {
  e2e: 'one file for each promise of the whole system',
  'packages/server/test/cli': 'mirrors the commands',
}

const functionTypes = new Set([
  'ArrowFunctionExpression',
  'ClassMethod',
  'Constructor',
  'FunctionDeclaration',
  'FunctionExpression',
  'MethodProperty',
  'PrivateMethod',
])

interface SourceFunction {
  name: string
  lines: number
}

/** Every function of a file that is no suite, named by itself, else by what it is given to or assigned to. */
function functionsOf(file: string): SourceFunction[] {
  // Spans count bytes from where the parser's last file ended; the semicolon marks where this one begins.
  const source = `;${readFileSync(file, 'utf8')}`
  const bytes = Buffer.from(source)
  const module = parseSync(source, { syntax: 'typescript', tsx: file.endsWith('x') })
  const found: SourceFunction[] = []

  const visit = (value: unknown, within: string): void => {
    if (Array.isArray(value)) {
      for (const one of value) visit(one, within)
      return
    }
    if (!isNode(value)) return
    const name = nameOf(value) ?? within
    if (isSuite(value)) {
      for (const { expression } of value.arguments) visit(bodyOf(expression), name)
      return
    }
    if (functionTypes.has(value.type)) {
      const { start, end } = value.span
      const text = bytes.subarray(start - module.span.start, end - module.span.start).toString()
      found.push({ name, lines: text.split('\n').length })
    }
    for (const child of Object.values(value)) visit(child, name)
  }
  visit(module.body, '(top)')
  return found
}

type SpannedNode = Node & { span: Span; body?: unknown }

function isNode(value: unknown): value is SpannedNode {
  return value !== null && typeof value === 'object' && 'type' in value
}

/** The body of a suite's callback: the callback itself is not measured. */
function bodyOf(node: Node): unknown {
  return functionTypes.has(node.type) ? (node as SpannedNode).body : node
}

function isSuite(node: Node): node is CallExpression {
  if (node.type !== 'CallExpression') return false
  return /^describe\b/.test(calleeOf(node as CallExpression))
}

/** `describe.each` of `describe.each(rows)(…)`; empty for what has no plain name. */
function calleeOf({ callee }: CallExpression): string {
  switch (callee.type) {
    case 'Identifier':
      return callee.value
    case 'CallExpression':
      return calleeOf(callee)
    case 'MemberExpression': {
      const { object, property } = callee
      const name = property.type === 'Identifier' ? property.value : ''
      return object.type === 'Identifier' ? `${object.value}.${name}` : name
    }
    default:
      return ''
  }
}

/** The name of a declaration, a variable, a method, or of a call: `test "what it claims"`. */
function nameOf(node: Node): string | undefined {
  if (node.type === 'CallExpression') {
    const call = node as CallExpression
    const first = call.arguments[0]?.expression
    const title = first?.type === 'StringLiteral' ? ` "${first.value}"` : ''
    return calleeOf(call) === '' ? undefined : `${calleeOf(call)}${title}`
  }
  const { identifier, id, key } = node as Node & Record<'identifier' | 'id' | 'key', unknown>
  for (const named of [identifier, id, key] as ({ value?: unknown } | null | undefined)[])
    if (typeof named?.value === 'string') return named.value
  return undefined
}

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts', '*.tsx'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean)

const long = files.flatMap((file) =>
  functionsOf(file)
    .filter(({ lines }) => lines > functionLinesMax)
    .map(({ name, lines }) => ({ what: `${file} ${name}`, count: `${lines} lines` })),
)
const full = [...Map.groupBy(files, dirname)]
  .filter(([, inside]) => inside.length > folderFilesMax)
  .map(([folder, inside]) => ({ what: folder, count: `${inside.length} files` }))

const complaints = [
  ...complain(long, longFunctions, `${functionLinesMax} at most`),
  ...complain(full, fullFolders, `${folderFilesMax} at most`),
]
for (const complaint of complaints) console.error(complaint)
if (complaints.length > 0) process.exit(1)
const exceptions = Object.keys(longFunctions).length + Object.keys(fullFolders).length
console.log(
  `no function over ${functionLinesMax} lines, no folder over ${folderFilesMax} files; ${exceptions} exceptions`,
)

function complain(
  found: readonly { what: string; count: string }[],
  excepted: Record<string, string>,
  bound: string,
): string[] {
  const known = new Set(found.map(({ what }) => what))
  return [
    ...found
      .filter(({ what }) => !(what in excepted))
      .map(({ what, count }) => `${what}: ${count}, ${bound}`),
    ...Object.keys(excepted)
      .filter((what) => !known.has(what))
      .map((what) => `${what}: is listed as an exception and no longer is one`),
  ]
}
