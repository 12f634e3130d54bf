/**
 * `npm run generate`: writes the files that are made from the schema of the configuration. `--check` only says
 * which are out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configJsonSchema, jsonSchemaFile } from '../packages/server/src/config/reference/json-schema.ts'
import { configurationPage } from '../packages/server/src/config/reference/markdown.ts'

const page = fileURLToPath(new URL('../docs/configuration.md', import.meta.url))
const files: [path: string, text: string][] = [
  [page, configurationPage()],
  [jsonSchemaFile, `${JSON.stringify(configJsonSchema(), null, 2)}\n`],
]

for (const [path, text] of files) {
  if (isCurrent(path, text)) continue
  if (process.argv.includes('--check')) {
    console.error(`${path} is out of date: run "npm run generate"`)
    process.exitCode = 1
  } else {
    writeFileSync(path, text)
    console.log(`wrote ${path}`)
  }
}

function isCurrent(path: string, text: string): boolean {
  try {
    return readFileSync(path, 'utf8') === text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
