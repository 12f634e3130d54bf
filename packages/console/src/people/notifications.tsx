/** Whether this browser is notified while no page of the console is open. */
import { useEffect, useState } from 'react'
import { Button } from '#ui/button.tsx'
import { Problem } from '#ui/notice.tsx'
import { type PushState, pushState, turnOff, turnOn } from './push.ts'
import { Section } from './section.tsx'

const words: Record<PushState, string> = {
  unsupported:
    'This browser cannot be notified here: it needs HTTPS, or the server’s own machine, and, on an iPhone, the page on the home screen.',
  refused: 'You have refused notifications of this page; the browser’s settings allow them again.',
  off: 'When an agent asks something and no page is open, this browser can tell you, and take the answer.',
  on: 'This browser tells you when an agent asks something and no page is open, until you sign out.',
}

export function Notifications() {
  const [state, setState] = useState<PushState | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [isPending, setPending] = useState(false)
  useEffect(() => void pushState().then(setState, () => setState('unsupported')), [])
  const change = async (work: () => Promise<PushState>) => {
    setPending(true)
    setProblem(null)
    try {
      setState(await work())
    } catch (error) {
      setProblem(`The browser’s push service did not answer as it should (${String(error)}).`)
    } finally {
      setPending(false)
    }
  }
  return (
    <Section title="Notifications">
      <div className="flex flex-col gap-3">
        {problem !== null && <Problem message={problem} />}
        <div className="flex flex-wrap items-center gap-3">
          <p className="min-w-0 flex-1 basis-60 text-soft">{state !== null && words[state]}</p>
          {state === 'off' && (
            <Button disabled={isPending} onClick={() => void change(turnOn)}>
              Notify this browser
            </Button>
          )}
          {state === 'on' && (
            <Button disabled={isPending} onClick={() => void change(turnOff)}>
              Turn off
            </Button>
          )}
        </div>
        {(state === 'off' || state === 'on') && (
          <p className="text-[12px] text-muted">
            Notifications travel through the browser maker’s push service, which cannot read them.
          </p>
        )}
      </div>
    </Section>
  )
}
