/** A question that is a form: its fields, and the answer with their values. */
import { choicesOf, type Form, type FormField, type FormValues } from '@millrace/protocol'
import { type FormEvent, useId } from 'react'
import { Button } from '#ui/button.tsx'
import { Input, Select, TextArea } from '#ui/field.tsx'
import { otherText, valuesOf } from './form-fields.ts'

export interface FormAnswerProps {
  form: Form
  isPending: boolean
  answer(values: FormValues): void
  decline(): void
}

export function FormAnswer({ form: { schema }, isPending, answer, decline }: FormAnswerProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    answer(valuesOf(schema, new FormData(event.currentTarget)))
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {Object.entries(schema.properties).map(([name, field]) => (
        <Asked key={name} name={name} field={field} isRequired={schema.required?.includes(name) === true} />
      ))}
      {/* In the page of a run the questions scroll: their answer stays in sight. */}
      <div className="sticky bottom-(--answer-bottom,auto) -mx-3 -mb-3 flex gap-2 rounded-b-lg border-t border-line bg-panel px-3 py-2.5 sm:-mx-4 sm:px-4">
        <Button type="submit" look="good" className="max-sm:flex-1" disabled={isPending}>
          Answer
        </Button>
        <Button data-way="deny" className="max-sm:flex-1" disabled={isPending} onClick={decline}>
          Decline…
        </Button>
      </div>
    </form>
  )
}

interface AskedProps<Field extends FormField = FormField> {
  name: string
  field: Field
  isRequired: boolean
}

function Asked(props: AskedProps) {
  const { name, field, isRequired } = props
  const id = useId()
  const hasChoice = choicesOf(field) !== null
  const words = (
    <>
      <span className="text-[12px] font-medium text-soft">
        {field.title ?? name}
        {!isRequired && <span className="font-normal text-muted"> (optional)</span>}
      </span>
      {field.description !== undefined && <span className="whitespace-pre-line">{field.description}</span>}
    </>
  )
  if (hasChoice) {
    return (
      <fieldset className="flex flex-col gap-1">
        <legend className="mb-1 flex flex-col gap-0.5">{words}</legend>
        <Choices {...props} />
      </fieldset>
    )
  }
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="flex flex-col gap-0.5">
        {words}
      </label>
      <Plain id={id} {...props} />
    </div>
  )
}

/** One of several texts, or some of them; and where the agent takes it, a text of one's own. */
function Choices({ name, field, isRequired }: AskedProps) {
  const isList = field.type === 'array'
  const chosen = field.type === 'array' || field.type === 'string' ? field.default : undefined
  const isChosen = (value: string) => (isList ? chosen?.includes(value) : chosen === value)
  const type = isList ? 'checkbox' : 'radio'
  const takesOther = 'other' in field && field.other === true
  return (
    <>
      {choicesOf(field)?.map(({ const: value, title, description }) => (
        <label
          key={value}
          className="flex min-h-8 cursor-pointer items-start gap-2 rounded-md px-2 py-1 hover:bg-hover"
        >
          <input
            type={type}
            name={`value:${name}`}
            value={value}
            defaultChecked={isChosen(value) === true}
            required={!isList && isRequired}
            className="mt-1 accent-accent"
          />
          <span className="min-w-0">
            {title ?? value}
            {description !== undefined && <span className="block text-[12px] text-muted">{description}</span>}
          </span>
        </label>
      ))}
      {takesOther && (
        <Other name={name} type={type} isRequired={!isList && isRequired} title={field.title ?? name} />
      )}
    </>
  )
}

function Other({
  name,
  type,
  isRequired,
  title,
}: {
  name: string
  type: string
  isRequired: boolean
  title: string
}) {
  const id = useId()
  return (
    <div className="flex items-center gap-2 px-2">
      <input
        id={id}
        type={type}
        name={`value:${name}`}
        value={otherText}
        required={isRequired}
        aria-label={`${title}: something else`}
        className="accent-accent"
      />
      <Input
        name={`own:${name}`}
        aria-label={`${title}: in your own words`}
        placeholder="Something else"
        // Words of one's own are the choice.
        onInput={({ currentTarget }) => {
          const box = document.getElementById(id)
          if (box instanceof HTMLInputElement) box.checked = currentTarget.value !== ''
        }}
      />
    </div>
  )
}

const inputTypes = { email: 'email', uri: 'url', date: 'date', 'date-time': 'datetime-local' } as const
const longText = 200

function Plain({ id, name, field, isRequired }: AskedProps & { id: string }) {
  const shared = { id, name: `value:${name}`, required: isRequired }
  switch (field.type) {
    case 'boolean':
      return (
        <Select {...shared} defaultValue={field.default === undefined ? '' : String(field.default)}>
          <option value="">choose</option>
          <option value="true">Yes</option>
          <option value="false">No</option>
        </Select>
      )
    case 'number':
    case 'integer':
      return (
        <Input
          {...shared}
          type="number"
          step={field.type === 'integer' ? 1 : 'any'}
          min={field.minimum}
          max={field.maximum}
          defaultValue={field.default}
        />
      )
    case 'string': {
      const { format, minLength, maxLength, default: before } = field
      const lengths = { minLength, maxLength, defaultValue: before }
      if (format === undefined && (maxLength ?? longText) >= longText)
        return <TextArea {...shared} {...lengths} rows={2} />
      return <Input {...shared} {...lengths} type={format === undefined ? 'text' : inputTypes[format]} />
    }
    case 'array':
      return <p className="text-muted">There is nothing to choose from.</p>
    default:
      return field satisfies never
  }
}
