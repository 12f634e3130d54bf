/** Where a session works: as it is usual, or in a git worktree. */
import { useState } from 'react'
import { Field, Input, Select } from '#ui/field.tsx'

export function PlaceFields({ standard }: { standard: string }) {
  const [place, setPlace] = useState('')
  return (
    <>
      <Field label="Place">
        {(id) => (
          <Select id={id} name="place" value={place} onChange={({ target }) => setPlace(target.value)}>
            <option value="">{standard}</option>
            <option value="worktree">in a git worktree</option>
          </Select>
        )}
      </Field>
      {place === 'worktree' && (
        <Field label="Branch">
          {(id) => <Input id={id} name="branch" placeholder="a new one" spellCheck={false} />}
        </Field>
      )}
    </>
  )
}
