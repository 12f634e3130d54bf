/** Checks the forms of agents, and limits them: agents are not trusted. */
import { z } from 'zod'
import { type Form, type FormSchema, type FormValues, listedTextsMax } from '#forms'

const fieldsMax = 32
const optionsMax = 100
const wordsMax = 4096
const nameMax = 200
/** The bound of one text that people fill in. */
const valueCharsMax = 16_384

const words = z.string().max(wordsMax)
const name = z.string().min(1).max(nameMax)
/** More than any answer has: nobody could give it. */
const least = z.int().min(0).max(valueCharsMax)
/** May be beyond what an answer can have, which is bounded by itself. */
const most = z.int().min(0)

const option = z.object({
  const: z.string().max(wordsMax),
  title: words.optional(),
  description: words.optional(),
})
const options = z.array(option).min(1).max(optionsMax)
const plainOptions = z.array(z.string().max(wordsMax)).min(1).max(optionsMax)
const about = { title: words.optional(), description: words.optional() }

const formField = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('string'),
    ...about,
    enum: plainOptions.optional(),
    oneOf: options.optional(),
    other: z.boolean().optional(),
    minLength: least.optional(),
    maxLength: most.optional(),
    format: z.enum(['email', 'uri', 'date', 'date-time']).optional(),
    default: z.string().max(valueCharsMax).optional(),
  }),
  z.object({
    type: z.enum(['number', 'integer']),
    ...about,
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    default: z.number().optional(),
  }),
  z.object({ type: z.literal('boolean'), ...about, default: z.boolean().optional() }),
  z.object({
    type: z.literal('array'),
    ...about,
    items: z.object({ enum: plainOptions.optional(), anyOf: options.optional() }),
    other: z.boolean().optional(),
    minItems: least.optional(),
    maxItems: most.optional(),
    default: z.array(z.string().max(wordsMax)).max(optionsMax).optional(),
  }),
])

/** The schema of a form. Keywords it does not know are left out. */
export const formSchema = z.object({
  type: z.literal('object'),
  properties: z
    .record(name, formField)
    .refine((fields) => Object.keys(fields).length <= fieldsMax, `at most ${fieldsMax} fields`),
  required: z.array(name).max(fieldsMax).optional(),
}) satisfies z.ZodType<FormSchema>

export const form = z.object({ message: words, schema: formSchema }) satisfies z.ZodType<Form>

export const formValues = z.record(
  name,
  z.union([
    z.string().max(valueCharsMax),
    z.number(),
    z.boolean(),
    z.array(z.string().max(valueCharsMax)).max(listedTextsMax),
  ]),
) satisfies z.ZodType<FormValues>
