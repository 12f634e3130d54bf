/** Which agent a session is given: shown where the server offers several. */
import { call } from '@millrace/client'
import type { AgentsResponse } from '@millrace/protocol'
import { useEffect, useState } from 'react'
import { connection } from '#app/session.ts'
import { Field, Select } from '#ui/field.tsx'

type Offered = AgentsResponse['agents'][number]

export function AgentChoice({ onOther }: { onOther(isOther: boolean): void }) {
  const [agents, setAgents] = useState<readonly Offered[]>([])
  const [name, setName] = useState('')
  useEffect(() => {
    let isLeft = false
    call<AgentsResponse>(connection, { path: '/api/agents' }).then(
      (answer) => isLeft || setAgents(answer.agents),
      // Without the list the built-in agent is what there is.
      () => {},
    )
    return () => {
      isLeft = true
      onOther(false)
    }
  }, [onOther])
  const [builtIn, ...others] = agents
  if (builtIn === undefined || others.length === 0) return null
  const chosen = others.find((one) => one.name === name) ?? builtIn
  const choose = (value: string) => {
    setName(value)
    onOther(value !== '')
  }
  return (
    <Field label="Agent" hint={hintOf(chosen)}>
      {(id) => (
        <Select id={id} name="agent" value={name} onChange={({ target }) => choose(target.value)}>
          <option value="">{builtIn.name}</option>
          {others.map((one) => (
            <option key={one.name} value={one.name} disabled={!one.available}>
              {one.available ? one.name : `${one.name} (not available)`}
            </option>
          ))}
        </Select>
      )}
    </Field>
  )
}

function hintOf({ available, reason, asks }: Offered): string | undefined {
  if (!available) return reason
  return asks === false ? 'It does not ask before it changes something; the sandbox bounds it.' : undefined
}
