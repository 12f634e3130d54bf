import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBashReader } from '#bash/read'
import { limits } from '#bash/reading'
import { createPlaces } from '#places'
import { attacks, honest, placed } from './support/corpus.ts'
import { bash, places, policyWith } from './support/policies.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined
const runs = full ? 20_000 : 300
const outside = policyWith()
const { project: projectPath, home } = places
const read = createBashReader({
  places: createPlaces({ projectPath, home, sandboxed: false, hidden: [] }),
  projectPath,
  home,
  sandboxed: false,
})
const inside = policyWith({ sandboxed: true, unreadableBash: 'allow' })

/** What is denied in a sandbox that lets unreadable commands through: harm that is spelt out. */
const harm = attacks()
  .filter((row) => row.inside.allow === 'deny' && /^(system|credentials|git)\//.test(row.id))
  .map((row) => placed(row.command, places))
  .filter((command) => !command.includes('\n'))
const single = (command: string) => `'${command.replaceAll("'", "'\\''")}'`

/** Each runs the command it is given. */
const wrappers: ((command: string) => string)[] = [
  (command) => `sh -c ${single(command)}`,
  (command) => `bash -c ${single(command)}`,
  (command) => `env A=b bash -c ${single(command)}`,
  (command) => `timeout 5 sh -c ${single(command)}`,
  (command) => `nohup nice -n 3 sh -c ${single(command)}`,
  (command) => `find . -maxdepth 0 -exec sh -c ${single(command)} \\;`,
  (command) => `echo x | xargs -n1 sh -c ${single(command)}`,
  (command) => `eval ${single(command)}`,
  (command) => `true && { ${command}\n}`,
  (command) => `( ${command}\n)`,
  (command) => `echo "$( ${command}\n)"`,
  (command) => `if true; then ${command}\nfi`,
  (command) => `for i in 1 2; do ${command}\ndone`,
  (command) => `f() { ${command}\n}; f`,
  (command) => `while read -r x; do ${command}\ndone < package.json`,
  (command) => `cat <( ${command}\n)`,
  (command) => `trap ${single(command)} EXIT`,
  (command) => `bash <<'END'\n${command}\nEND`,
  (command) => `npx -c ${single(command)}`,
]

describe('wrapping', () => {
  it('a denied command stays denied, however deep readable wrappers hold it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...harm),
        fc.array(fc.constantFrom(...wrappers), { minLength: 1, maxLength: 4 }),
        (command, layers) => {
          // A heredoc's end would stand inside another one's text.
          const wrapped = layers.reduce((text, wrap) => (text.includes('END') ? text : wrap(text)), command)
          expect([wrapped, bash(inside, wrapped).decision]).toEqual([wrapped, 'deny'])
          expect(bash(outside, wrapped).decision).not.toBe('allow')
        },
      ),
      { numRuns: runs },
    )
  })
})

describe('quoting', () => {
  const quotings: ((word: string) => string)[] = [
    (word) => word,
    (word) => `'${word}'`,
    (word) => `"${word}"`,
    (word) => [...word].map((char) => `\\${char}`).join(''),
    (word) => `${word.slice(0, 1)}''${word.slice(1)}`,
    (word) => `${word.slice(0, 1)}"${word.slice(1)}"`,
    (word) => `${word.slice(0, 2)}\\\n${word.slice(2)}`,
  ]
  const blanks = fc.constantFrom(' ', '  ', '\t', ' \\\n ', ' \t ')
  const written = (words: readonly string[]) =>
    fc
      .tuple(
        ...words.map((word) =>
          fc.tuple(fc.constantFrom(...quotings), blanks).map(([quote, blank]) => quote(word) + blank),
        ),
      )
      .map((parts) => parts.join(''))
  const plainWords = (command: string) =>
    /^[\w ./:=@-]+$/.test(command) ? [command.split(' ').filter(Boolean)] : []
  const opensNothing = (words: readonly string[]) =>
    !/^(if|for|while|case|time|[A-Za-z_]+=.*|f|\[|until|coproc|select|function)$/.test(words[0] ?? '')

  it('a denied command stays denied, however its words are quoted and spaced', () => {
    const commands = harm.flatMap(plainWords).filter(opensNothing)
    expect(commands.length).toBeGreaterThan(25)
    fc.assert(
      fc.property(fc.constantFrom(...commands).chain(written), (command) => {
        expect([command, bash(inside, command).decision]).toEqual([command, 'deny'])
      }),
      { numRuns: runs },
    )
  })

  it('an attack is never allowed outside a sandbox, however its words are quoted and spaced', () => {
    const commands = attacks()
      .flatMap((row) => plainWords(placed(row.command, places)))
      .filter(opensNothing)
    expect(commands.length).toBeGreaterThan(150)
    fc.assert(
      fc.property(fc.constantFrom(...commands).chain(written), (command) => {
        expect([command, bash(outside, command).decision]).not.toEqual([command, 'allow'])
      }),
      { numRuns: runs },
    )
  })

  it('an honest command stays allowed, however its words are quoted and spaced', () => {
    const commands = honest()
      .filter((row) => row.outside === 'allow')
      .flatMap((row) => plainWords(row.command))
      .filter(opensNothing)
    expect(commands.length).toBeGreaterThan(60)
    fc.assert(
      fc.property(fc.constantFrom(...commands).chain(written), (command) => {
        expect([command, bash(outside, command)]).toEqual([command, { decision: 'allow' }])
      }),
      { numRuns: runs },
    )
  })
})

describe('any text', () => {
  const fragments = fc.constantFrom(
    '$(',
    ')',
    '${',
    '}',
    '`',
    '"',
    "'",
    '<<EOF\n',
    'EOF\n',
    '((',
    '))',
    '[[ ',
    ' ]]',
    '|',
    '&&',
    ';',
    '\n',
    ' ',
    'rm',
    '-rf',
    '/',
    '~',
    '*',
    '{a,b}',
    'a=',
    '$x',
    '>',
    '<(',
    'if ',
    'then ',
    'fi',
    'do ',
    'done',
    'case ',
    'esac',
    'f()',
    '{ ',
    '\\',
    '#',
    'sed ',
    's/a/',
    'awk ',
    'git ',
    'find ',
    '-exec ',
    'xargs ',
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.array(fragments, { maxLength: 60 }).map((parts) => parts.join('')),
  )

  it('the reader answers every text and fails at none', () => {
    fc.assert(
      fc.property(texts, (text) => {
        for (const policy of [outside, inside]) {
          const verdict = bash(policy, text)
          expect(['allow', 'ask', 'deny']).toContain(verdict.decision)
          if (verdict.decision !== 'allow') expect(verdict.reason).not.toContain('failed to read')
        }
      }),
      { numRuns: runs },
    )
  })

  it.each([
    ['15,500 names', `rm ${'abcde '.repeat(15_500)}`],
    ['substitutions', '$('.repeat(10_000)],
    ['closed substitutions', `${'$(echo '.repeat(3_000)}x${')'.repeat(3_000)}`],
    ['groups', '{ '.repeat(10_000)],
    ['subshells', `${'('.repeat(5_000)}ls${')'.repeat(5_000)}`],
    ['expansions', '"${x:-'.repeat(5_000)],
    ['backticks', '`'.repeat(30_000)],
    ['quotes', `echo ${'"\'"'.repeat(10_000)}`],
    ['braces', `echo ${'{a,b}'.repeat(5_000)}`],
    ['nested braces', `echo ${'{a,'.repeat(5_000)}${'}'.repeat(5_000)}`],
    [
      'arguments with many values',
      `${Array.from({ length: 12 }, (_, i) => `for v${i} in a b c d e f g h; do `).join('')}rm ${Array.from({ length: 12 }, (_, i) => `"$v${i}"`).join(' ')}${'; done'.repeat(12)}`,
    ],
    [
      'shells in shells',
      Array.from({ length: 60 }).reduce<string>(
        (text) => (text.length > 20_000 ? text : `sh -c ${single(text)}`),
        'npm test',
      ),
    ],
    ['pipes', 'cat x | '.repeat(4_000)],
    ['functions', 'f() { '.repeat(4_000)],
    ['loops', 'while true; do '.repeat(2_000)],
    ['a sed script', `sed '${'s/a/b/;'.repeat(4_000)}' x`],
    ['an awk program', `awk '${'print '.repeat(5_000)}' x`],
    ['dots', `cat ${'../'.repeat(10_000)}x`],
    ['a pattern', `rm ${'.*?'.repeat(9_000)}`],
    ['a name of stars', `find . -name '${'*a'.repeat(2_000)}' -delete`],
    ['words', 'a '.repeat(16_000)],
    ['too much', `echo ${'x'.repeat(100_000)}`],
  ])('the reader looks at a bounded number of parts of %s', (_name, text) => {
    for (const command of [text, text.slice(0, limits.characters)]) {
      const { looks } = read(command, places.project)
      expect(looks).toBeLessThan(limits.looks + 4 * command.length)
      expect(['allow', 'ask', 'deny']).toContain(bash(outside, command).decision)
    }
  })
})
