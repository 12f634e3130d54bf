import type { RefObject } from 'react'
import { Field, Input, Select, TextArea } from '#ui/field.tsx'
import { AgentChoice } from './agent-choice.tsx'
import { PlaceFields } from './place-fields.tsx'

const demoPrompt = 'Fix the failing test'

interface AgentFieldsProps {
  kind: 'session' | 'execution'
  isDemo: boolean
  prompt: RefObject<HTMLTextAreaElement | null>
  /** Another agent than the built-in one was chosen, or it was again. */
  onOther(isOther: boolean): void
}

/** What an agent is to do, and under which conditions. */
export function AgentFields({ kind, isDemo, prompt, onOther }: AgentFieldsProps) {
  const isSession = kind === 'session'
  return (
    <>
      <Task isSession={isSession} isDemo={isDemo} prompt={prompt} />
      {isSession ? (
        <AgentChoice onOther={onOther} />
      ) : (
        <Field label="Context (optional)" hint="What the agent should know besides the task.">
          {(id) => <TextArea id={id} name="context" rows={2} />}
        </Field>
      )}
      <details>
        <summary className="text-[12px] text-muted">More</summary>
        <div className="mt-3 grid gap-3 sm:grid-cols-2">
          <Field label="Approvals" hint="What happens to calls that need approval.">
            {(id) => (
              <Select id={id} name="approvals" defaultValue="">
                <option value="">as configured</option>
                <option value="on">ask people</option>
                <option value="off">deny without asking</option>
              </Select>
            )}
          </Field>
          {isSession && (
            <Field label="Questions" hint="Whether the agent may ask what to do.">
              {(id) => (
                <Select id={id} name="questions" defaultValue="">
                  <option value="">none</option>
                  <option value="on">ask people</option>
                </Select>
              )}
            </Field>
          )}
          <Field label="Model">
            {(id) => <Input id={id} name="model" placeholder="as configured" spellCheck={false} />}
          </Field>
          {isSession ? (
            <>
              <Field label="Folder">
                {(id) => <Input id={id} name="cwd" placeholder="the project’s own" spellCheck={false} />}
              </Field>
              <PlaceFields standard="in the project" />
            </>
          ) : (
            <Field label="Most it may cost (US$)">
              {(id) => (
                <Input id={id} name="usd" type="number" min="0.01" step="0.01" placeholder="as configured" />
              )}
            </Field>
          )}
        </div>
      </details>
    </>
  )
}

function Task({
  isSession,
  isDemo,
  prompt,
}: Pick<AgentFieldsProps, 'isDemo' | 'prompt'> & { isSession: boolean }) {
  return (
    <Field
      label={isSession ? 'Prompt' : 'Task'}
      hint={isDemo ? 'A scripted demo model answers, not an AI.' : undefined}
    >
      {(id) => (
        <TextArea
          id={id}
          ref={prompt}
          name="text"
          rows={4}
          required
          maxLength={262_144}
          defaultValue={isDemo && isSession ? demoPrompt : ''}
        />
      )}
    </Field>
  )
}
