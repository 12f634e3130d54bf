/** Starts a tool, a session or an execution. */
import { ClientError } from '@millrace/client'
import type { Run, StartRunBody } from '@millrace/protocol'
import { useClient } from '@millrace/react'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useRef, useState } from 'react'
import { useSignedIn } from '#app/session.ts'
import { Button } from '#ui/button.tsx'
import { Dialog } from '#ui/dialog.tsx'
import { Field, Select } from '#ui/field.tsx'
import { Problem } from '#ui/notice.tsx'
import { Segments } from '#ui/segments.tsx'
import { AgentFields } from './agent-fields.tsx'
import { bodyOf } from './body.ts'
import { proposedProject, rememberProject, toolsOf } from './offer.ts'
import { closeDialogs, type StartKind, type StartWith } from './start-store.ts'
import { ToolFields } from './tool-fields.tsx'

const kinds: readonly { value: StartKind; label: string; button: string }[] = [
  { value: 'job', label: 'Tool', button: 'Run' },
  { value: 'session', label: 'Agent session', button: 'Start session' },
  { value: 'execution', label: 'Execution', button: 'Start execution' },
]

export function StartDialog({ start }: { start: StartWith }) {
  const { projects, tools, agent } = useSignedIn()
  const [kind, setKind] = useState<StartKind>(start.kind ?? (tools.length > 0 ? 'job' : 'session'))
  const [project, setProject] = useState(
    start.project ?? proposedProject(projects, agent?.demo === true && kind !== 'job'),
  )
  // Whether the built-in agent is available does not matter to the others.
  const [isOther, setOther] = useState(false)
  const { begin, isPending, problem } = useBegin()
  const button = useRef<HTMLButtonElement>(null)
  const prompt = useRef<HTMLTextAreaElement>(null)
  // A tool that was chosen elsewhere, and asks for nothing, is one key away.
  const isChosen = tools.some(({ id, args }) => id === start.tool && args.length === 0)
  // The kind that the dialog opens with decides: a change of kind leaves the focus where it is.
  const [first] = useState(() => (isChosen ? button : kind === 'job' ? undefined : prompt))
  const unavailable = kind === 'session' && agent?.available !== true && !isOther
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    rememberProject(project)
    void begin(bodyOf(kind, project, new FormData(event.currentTarget)))
  }
  return (
    <Dialog title="New run" onClose={closeDialogs} {...(first && { first })}>
      <form onSubmit={submit} className="flex flex-col gap-4 p-4">
        <Segments
          legend="What to start"
          name="kind"
          segments={kinds}
          chosen={kind}
          choose={(value) => setKind(value)}
          className="flex-1 px-2 text-center"
        />
        {problem !== null && <Problem message={problem} />}
        {unavailable && (
          <p className="rounded-md bg-wait-soft px-3 py-2 text-wait">
            {agent?.reason ?? 'This server cannot start a session now.'}
          </p>
        )}
        <Field label="Project">
          {(id) => (
            <Select id={id} value={project} onChange={(event) => setProject(event.target.value)}>
              {projects.map((one) => (
                <option key={one.id}>{one.id}</option>
              ))}
            </Select>
          )}
        </Field>
        {kind === 'job' ? (
          <ToolFields key={project} tools={toolsOf(tools, project)} chosen={start.tool} />
        ) : (
          <AgentFields
            key={kind}
            kind={kind}
            prompt={prompt}
            onOther={setOther}
            isDemo={agent?.demo === true && project === 'demo'}
          />
        )}
        <div className="flex justify-end gap-2">
          <Button look="quiet" onClick={closeDialogs}>
            Cancel
          </Button>
          <Button ref={button} type="submit" look="primary" disabled={isPending || unavailable}>
            {kinds.find(({ value }) => value === kind)?.button}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function useBegin() {
  const client = useClient()
  const navigate = useNavigate()
  const [isPending, setPending] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const begin = async (body: StartRunBody) => {
    setPending(true)
    setProblem(null)
    let run: Run
    try {
      run = await client.start(body)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      setProblem(error.message)
      setPending(false)
      return
    }
    closeDialogs()
    await navigate({ to: '/runs/$runId', params: { runId: run.id } })
  }
  return { begin, isPending, problem }
}
