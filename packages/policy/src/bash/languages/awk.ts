/** The programs of `awk` that only compute and print. */

const reaches: readonly [pattern: RegExp, what: string][] = [
  [/\b(system|getline|close|fflush|extension)\b/, 'runs commands or opens files'],
  [/\|&|(^|[^|])\|(?!\|)/, 'may pipe into a command'],
  [/\bprintf?\b[\s\S]*>/, 'may write a file'],
  [/@/, 'loads or calls something by name'],
  [/\b(ARGV|ENVIRON|ARGC|PROCINFO|SYMTAB|FUNCTAB)\b/, 'reaches its arguments or the environment'],
  [/\\\n/, 'is continued over lines'],
]

/** Null when the program only computes and prints; else what is wrong, to be said after it. */
export function awkTrouble(program: string): string | null {
  return reaches.find(([pattern]) => pattern.test(program))?.[1] ?? null
}
