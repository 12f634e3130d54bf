import { useState } from 'react'
import { Field, Input, Select } from '#ui/field.tsx'
import { harmlessTool, type Tool } from './offer.ts'

/** Which tool, and its arguments. */
export function ToolFields({ tools, chosen }: { tools: readonly Tool[]; chosen?: string | undefined }) {
  const [id, setId] = useState(tools.find((tool) => tool.id === chosen)?.id ?? harmlessTool(tools)?.id ?? '')
  const tool = tools.find((one) => one.id === id)
  if (tools.length === 0) return <p className="text-muted">This project has no tools.</p>
  return (
    <>
      <Field label="Tool" hint={tool && reachOf(tool)}>
        {(field) => (
          <Select id={field} name="tool" required value={id} onChange={(event) => setId(event.target.value)}>
            {id === '' && <option value="">Choose a tool</option>}
            {tools.map((one) => (
              <option key={one.id} value={one.id}>
                {one.title}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {tool?.args.map(({ name, required }) => (
        <Field key={`${id} ${name}`} label={required ? name : `${name} (optional)`}>
          {(field) => (
            <Input
              id={field}
              name={`arg:${name}`}
              required={required}
              autoComplete="off"
              spellCheck={false}
            />
          )}
        </Field>
      ))}
    </>
  )
}

/** What a job of the tool may reach, and for how long. */
function reachOf({ network, timeoutSeconds }: Tool): string {
  const reach =
    network === true
      ? 'Reaches the machine’s network'
      : network === false
        ? 'No network'
        : network === 'internet'
          ? 'Reaches the internet'
          : `Reaches ${network.join(', ')}`
  return timeoutSeconds === null ? `${reach}.` : `${reach}; ends after ${timeoutSeconds} s at most.`
}
