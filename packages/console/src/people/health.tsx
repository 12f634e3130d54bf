import { useSignedIn } from '#app/session.ts'
import type { Tone } from '#ui/badge.tsx'
import { Dot } from '#ui/state-dot.tsx'
import { Section } from './section.tsx'

interface Check {
  tone: Tone
  text: string
}

/** What the server says of itself. `millrace doctor` checks more, on its machine. */
export function Health() {
  const { server, agent } = useSignedIn()
  const { boundary, warnings } = server.sandbox
  const sandbox: Check =
    boundary === 'none'
      ? { tone: 'bad', text: 'Runs have no sandbox: they can do what the server can do.' }
      : { tone: 'good', text: `Runs are contained by ${boundary}.` }
  const checks: Check[] = [
    sandbox,
    ...warnings.map((text): Check => ({ tone: 'wait', text })),
    ...(agent === undefined ? [] : [agentCheck(agent)]),
  ]
  return (
    <Section title="Server">
      <ul className="flex flex-col gap-2">
        {checks.map(({ tone, text }) => (
          <li key={text} className="flex items-baseline gap-2.5">
            <Dot tone={tone} />
            <span className="whitespace-pre-line">{text}</span>
          </li>
        ))}
      </ul>
      <p className="mt-3 text-[12px] text-muted">
        <code className="font-mono">millrace doctor</code> checks more, on the server’s machine.
      </p>
    </Section>
  )
}

function agentCheck({
  available,
  demo,
  reason,
}: {
  available: boolean
  demo: boolean
  reason?: string | undefined
}): Check {
  if (!available) return { tone: 'bad', text: reason ?? 'Agent sessions cannot start.' }
  if (demo)
    return { tone: 'wait', text: 'Agent sessions are answered by a scripted demo model, not by an AI.' }
  return { tone: 'good', text: 'Agent sessions can start.' }
}
