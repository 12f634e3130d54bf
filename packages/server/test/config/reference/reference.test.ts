import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { descriptions } from '#config/reference/descriptions'
import { configJsonSchema, jsonSchemaFile } from '#config/reference/json-schema'
import { configKeys } from '#config/reference/keys'
import { configurationPage } from '#config/reference/markdown'
import { sectionNames } from '#config/schema'

const page = fileURLToPath(new URL('../../../../../docs/configuration.md', import.meta.url))
const keys = configKeys()

describe('the reference of the configuration', () => {
  it('docs/configuration.md is what "npm run generate" makes of the schema', () => {
    expect(readFileSync(page, 'utf8')).toBe(configurationPage())
  })

  it('the shipped JSON schema is what "npm run generate" makes of the schema', () => {
    expect(JSON.parse(readFileSync(jsonSchemaFile, 'utf8'))).toEqual(configJsonSchema())
  })

  it('every key of the schema has a description in reference/descriptions.ts, and every description its key', () => {
    expect(keys.map(({ path }) => path).filter((path) => descriptions[path] === undefined)).toEqual([])
    expect(Object.keys(descriptions).filter((path) => !keys.some((key) => key.path === path))).toEqual([])
  })

  it('every example is valid', () => {
    for (const { path, schema } of keys) {
      const example = descriptions[path]?.example
      expect(schema.safeParse(example).error?.issues, path).toBeUndefined()
    }
  })

  it('every key says what it expects, and the default if it may be left out', () => {
    for (const key of keys) {
      expect(key.expected, key.path).not.toMatch(/^Invalid/)
      const unset = key.default ?? descriptions[key.path]?.default
      expect(key.required || unset !== undefined, `the default of ${key.path}`).toBe(true)
      expect(key.default === undefined || descriptions[key.path]?.default === undefined, key.path).toBe(true)
    }
  })

  it('every section of the file is in the reference', () => {
    const described = new Set(keys.map(({ path }) => path.split('.')[0]))
    expect(sectionNames.filter((name) => !described.has(name))).toEqual([])
  })
})
