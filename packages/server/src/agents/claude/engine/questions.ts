/** The questions that the SDK's tool `AskUserQuestion` asks, as a form. */
import type { FormField, FormValues } from '@millrace/protocol'
import { z } from 'zod'
import type { GateCall, GateForm } from '#agents/gate'

export const questionTool = 'AskUserQuestion'

const words = z.string().max(4096)
const asked = z.looseObject({
  questions: z
    .array(
      z.looseObject({
        question: words,
        header: words.optional(),
        options: z
          .array(z.looseObject({ label: words, description: words.optional() }))
          .min(1)
          .max(16),
        multiSelect: z.boolean().optional(),
      }),
    )
    .min(1)
    .max(16),
})

type Question = z.infer<typeof asked>['questions'][number]

/** Undefined: it is another call, or asks nothing that can be shown. */
export function questionsIn({ tool, input }: Pick<GateCall, 'tool' | 'input'>): GateForm | undefined {
  if (tool !== questionTool) return undefined
  const { success, data } = asked.safeParse(input)
  if (!success) return undefined
  const { questions } = data
  const properties = Object.fromEntries(questions.map((one, index) => [nameOf(index), fieldOf(one)]))
  return {
    message: questions
      .map(({ question }) => question)
      .join('\n')
      .slice(0, 4096),
    schema: { type: 'object', properties, required: Object.keys(properties) },
    inputWith: (values) => ({ ...data, answers: answersIn(questions, values) }),
  }
}

function nameOf(index: number): string {
  return `question${index + 1}`
}

/** The tool promises the model that people may answer in words of their own. */
function fieldOf({ question, header, options, multiSelect }: Question): FormField {
  const about = { ...(header === undefined ? {} : { title: header }), description: question, other: true }
  const choices = options.map(({ label, description }) => ({
    const: label,
    title: label,
    ...(description === undefined ? {} : { description }),
  }))
  return multiSelect === true
    ? { type: 'array', ...about, items: { anyOf: choices }, minItems: 1 }
    : { type: 'string', ...about, oneOf: choices, minLength: 1 }
}

/** As the tool wants them: by the question, several with commas between. */
function answersIn(questions: readonly Question[], values: FormValues): Record<string, string> {
  return Object.fromEntries(
    questions.map(({ question }, index) => [question, [values[nameOf(index)] ?? ''].flat().join(', ')]),
  )
}
