/** Finds the targets of a Makefile that a person would call. It is read as text; nothing of it is run. */

const named = /^[A-Za-z0-9_][A-Za-z0-9_.+/-]*$/

/**
 * Returns the targets in order of appearance, without pattern rules, special targets, names with variables,
 * and files (a name with a dot or slash) that `.PHONY` does not list. Included files are not followed.
 */
export function makefileTargets(text: string): MakeTarget[] {
  const targets = new Map<string, string | undefined>()
  const phony = new Set<string>()
  for (const { line, help } of ruleLines(text)) {
    const rule = splitRule(line)
    if (rule === undefined) continue
    if (rule.names.includes('.PHONY')) for (const name of rule.prerequisites) phony.add(name)
    else for (const name of rule.names) targets.set(name, targets.get(name) ?? help)
  }
  return [...new Set([...targets.keys(), ...phony])]
    .filter((name) => named.test(name) && (phony.has(name) || !/[./]/.test(name)))
    .map((name) => ({ name, help: targets.get(name) }))
}

export interface MakeTarget {
  name: string
  /** By the convention of self-documenting Makefiles: `target: prerequisites ## what it does`. */
  help: string | undefined
}

/** Yields the logical lines that can be rules: continued lines joined; no recipes, comments or `define` bodies. */
function* ruleLines(text: string): Generator<{ line: string; help: string | undefined }> {
  const joined = text.replace(/\r\n/g, '\n').replace(/\\\n[ \t]*/g, ' ')
  let defining = 0
  for (const line of joined.split('\n')) {
    if (/^ *(?:override +)?define\b/.test(line)) defining += 1
    else if (/^ *endef\b/.test(line)) defining = Math.max(0, defining - 1)
    else if (defining === 0 && !line.startsWith('\t')) {
      const bare = line.replace(/(^|[^\\])#.*$/, '$1')
      if (bare.trim() !== '') yield { line: bare, help: /\s##\s*(\S.*?)\s*$/.exec(line)?.[1] }
    }
  }
}

function splitRule(line: string): { names: string[]; prerequisites: string[] } | undefined {
  const colon = outsideReferences(line, ':')
  if (colon === -1) return undefined
  const assignment = outsideReferences(line, '=')
  // `NAME = a:b` and `NAME := value` are variables; `target: NAME = value` sets one for a target.
  if (assignment !== -1 && assignment < colon) return undefined
  const after = line.slice(colon + 1)
  if (/^:{0,2}=/.test(after)) return undefined
  const [prerequisites = ''] = after.replace(/^:/, '').split(';')
  if (outsideReferences(prerequisites, '=') !== -1) return undefined
  return { names: words(line.slice(0, colon).replace(/&$/, '')), prerequisites: words(prerequisites) }
}

/** Returns the first position of a character outside `$(…)` and `${…}`; -1 if there is none. */
function outsideReferences(line: string, character: string): number {
  let depth = 0
  for (let index = 0; index < line.length; index++) {
    const here = line[index]
    if (here === '$' && (line[index + 1] === '(' || line[index + 1] === '{')) {
      depth += 1
      index += 1
    } else if (depth > 0 && (here === ')' || here === '}')) depth -= 1
    else if (depth === 0 && here === character) return index
  }
  return -1
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}
