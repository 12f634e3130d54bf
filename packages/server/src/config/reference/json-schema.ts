/** The JSON schema of a configuration file, for editors. */
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { configFileSchema } from '../schema.ts'
import { descriptions } from './descriptions.ts'

/** Where it ships. */
export const jsonSchemaFile = fileURLToPath(new URL('../../../config.schema.json', import.meta.url))

interface Node {
  properties?: Record<string, Node>
  additionalProperties?: Node | boolean
  description?: string
  examples?: unknown[]
  [keyword: string]: unknown
}

export function configJsonSchema(): Node {
  const schema = z.toJSONSchema(configFileSchema, {
    io: 'input',
    unrepresentable: 'any',
    // Any JSON: the recursion says no more than that.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type !== 'lazy') return
      for (const keyword of Object.keys(jsonSchema)) delete jsonSchema[keyword as keyof typeof jsonSchema]
    },
  }) as Node
  describe(schema, '')
  return { $schema: schema.$schema, title: 'Configuration of Millrace', ...schema }
}

function describe(node: Node, path: string): void {
  const description = descriptions[path]
  if (description !== undefined) {
    node.description = description.text
    node.examples = [description.example]
  }
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    describe(property, path === '' ? name : `${path}.${name}`)
  }
  if (typeof node.additionalProperties !== 'object') return
  describe(
    node.additionalProperties,
    `${path}.${path === 'projects' || path === 'tools' ? '<id>' : '<name>'}`,
  )
}
