import { Field, Input, Select, TextArea } from '#ui/field.tsx'

const demoPrompt = 'Fix the failing test'

/** What an agent is to do, and under which conditions. */
export function AgentFields({ kind, isDemo }: { kind: 'session' | 'execution'; isDemo: boolean }) {
  const isSession = kind === 'session'
  return (
    <>
      <Field
        label={isSession ? 'Prompt' : 'Task'}
        hint={isDemo ? 'A scripted demo model answers, not an AI.' : undefined}
      >
        {(id) => (
          <TextArea
            id={id}
            name="text"
            rows={4}
            required
            maxLength={262_144}
            defaultValue={isDemo && isSession ? demoPrompt : ''}
          />
        )}
      </Field>
      {!isSession && (
        <Field label="Context (optional)" hint="What the agent should know besides the task.">
          {(id) => <TextArea id={id} name="context" rows={2} />}
        </Field>
      )}
      <details>
        <summary className="text-[12px] text-muted">More</summary>
        <div className="mt-3 grid gap-3 sm:grid-cols-2">
          <Field label="Questions to people">
            {(id) => (
              <Select id={id} name="approvals" defaultValue="">
                <option value="">as configured</option>
                <option value="on">ask</option>
                <option value="off">do not ask</option>
              </Select>
            )}
          </Field>
          <Field label="Model">
            {(id) => <Input id={id} name="model" placeholder="as configured" spellCheck={false} />}
          </Field>
          {isSession ? (
            <Field label="Folder">
              {(id) => <Input id={id} name="cwd" placeholder="the project’s own" spellCheck={false} />}
            </Field>
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
