/** What the documents point at is there, and what they list is what there is. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { startServer } from '@millrace/test-support/server'
import { expect, onTestFinished, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const patterns = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'docs/**/*.md',
  'examples/*/README.md',
]
const documents = globSync(patterns, { cwd: root }).sort()

/** Without code, where brackets mean other things. */
function prose(document: string): string {
  return readFileSync(join(root, document), 'utf8').replace(/^```[\s\S]*?^```$/gm, '')
}

interface Link {
  document: string
  label: string
  target: string
  path: string
}

const links = documents.flatMap((document) =>
  [...prose(document).matchAll(/\[((?:[^\]`]|`[^`]*`)*)\]\(([^()\s]+)\)/g)].flatMap(
    ([, label = '', target = '']): Link[] => {
      if (/^[a-z]+:/.test(target)) return []
      const [path = ''] = target.split('#')
      return [
        {
          document,
          label,
          target,
          path: path === '' ? join(root, document) : resolve(root, dirname(document), path),
        },
      ]
    },
  ),
)

test('every relative link leads to a file', () => {
  expect(documents.length).toBeGreaterThan(15)
  expect(
    links.filter(({ path }) => !existsSync(path)).map(({ document, target }) => `${document}: ${target}`),
  ).toEqual([])
})

test('every link to a heading leads to one', () => {
  const anchors = (path: string) =>
    [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    )
  const broken = links.filter(({ target, path }) => {
    const [, anchor] = target.split('#')
    return anchor !== undefined && !anchors(path).includes(anchor)
  })
  expect(broken.map(({ document, target }) => `${document}: ${target}`)).toEqual([])
})

test('every symbol that is linked occurs in the file it is linked to', () => {
  const symbols = links.filter(({ label }) => /^`[^`]+`$/.test(label))
  expect(symbols.length).toBeGreaterThan(40)
  const missing = symbols.filter(({ label, path }) => {
    return existsSync(path) && !new RegExp(`\\b${label.slice(1, -1)}\\b`).test(readFileSync(path, 'utf8'))
  })
  expect(missing.map(({ document, label, target }) => `${document}: ${label} in ${target}`)).toEqual([])
})

test('every decision has its context, decision and consequence, and a number of its own', () => {
  const decisions = documents.filter((document) => document.startsWith('docs/decisions/'))
  const numbers = decisions.map((document) => /(\d{4})-/.exec(document)?.[1])
  expect(numbers).toEqual(numbers.map((_, index) => String(index + 1).padStart(4, '0')))
  for (const document of decisions) {
    const text = prose(document)
    expect(text, document).toMatch(/^# \d+\. /)
    for (const part of ['Context', 'Decision', 'Consequence'])
      expect(text, document).toContain(`**${part}.**`)
  }
})

test('the metrics that operations.md lists are those of a server, all of them', async () => {
  const [project, data] = [scratchFolder(), scratchFolder()]
  const config = { projects: { here: { path: project.path } }, sandbox: { mode: 'off' } }
  const server = await startServer({ cwd: project.path, dataDir: data.path, config })
  onTestFinished(async () => {
    await server.end()
    project.dispose()
    data.dispose()
  })
  const text = await (await server.call('/metrics')).text()
  const counted = [...text.matchAll(/^# HELP (millrace_\w+) /gm)].map(([, name]) => name)
  const listed = [...prose('docs/operations.md').matchAll(/`(millrace_\w+)`/g)].map(([, name]) => name)
  expect(listed.sort()).toEqual(counted.sort())
})

test('nothing tells people to run npx millrace where that would fetch a stranger’s package', () => {
  // Inside the checkout it is ours; the last one warns of it.
  const inside = ['README.md', 'docs/releasing.md', 'examples/']
  const shipped = ['packages/*/README.md', 'packages/*/{src,page,bin}/**/*.{ts,js,html}', 'deploy/*']
  const texts = [...documents, ...globSync(shipped, { cwd: root })]
  expect(texts.length).toBeGreaterThan(300)
  const wrong = texts.filter((path) => readFileSync(join(root, path), 'utf8').includes('npx millrace'))
  expect(wrong.filter((path) => !inside.some((place) => path.startsWith(place)))).toEqual([])
})
