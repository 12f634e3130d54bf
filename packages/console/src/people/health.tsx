import { ClientError, call } from '@millrace/client'
import type { ChecksResponse } from '@millrace/protocol'
import { useState } from 'react'
import { connection, useSignedIn } from '#app/session.ts'
import type { Tone } from '#ui/badge.tsx'
import { Button } from '#ui/button.tsx'
import { Problem } from '#ui/notice.tsx'
import { Dot } from '#ui/state-dot.tsx'
import { Section } from './section.tsx'

interface Check {
  tone: Tone
  text: string
}

/** What the server says of itself; for admins, all that `millrace doctor` checks on its machine. */
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
      {server.admin && <Doctor />}
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

type DoctorCheck = ChecksResponse['checks'][number]

const tones: Record<DoctorCheck['status'], Tone> = { ok: 'good', info: 'neutral', warn: 'wait', fail: 'bad' }
const words: Record<DoctorCheck['status'], string> = {
  ok: 'fine',
  info: 'note',
  warn: 'warning',
  fail: 'fault',
}

function Doctor() {
  const [checks, setChecks] = useState<readonly DoctorCheck[] | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [isPending, setPending] = useState(false)
  const check = async () => {
    setPending(true)
    setProblem(null)
    try {
      setChecks((await call<ChecksResponse>(connection, { path: '/api/admin/checks' })).checks)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      setProblem(error.message)
    } finally {
      setPending(false)
    }
  }
  return (
    <div className="mt-4 flex flex-col gap-3 border-t border-line pt-3">
      <div className="flex flex-wrap items-center gap-3">
        <Button disabled={isPending} onClick={() => void check()}>
          {isPending ? 'Checking…' : 'Check the server’s machine'}
        </Button>
        <span className="text-[12px] text-muted">
          As <code className="font-mono">millrace doctor</code> does; it takes some seconds.
        </span>
      </div>
      {problem !== null && <Problem message={problem} />}
      {checks !== null && (
        <ul aria-label="Checks" className="flex flex-col gap-1.5">
          {checks.map(({ name, status, detail }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the list is never changed
            <li key={index} className="flex items-baseline gap-2.5">
              <Dot tone={tones[status]} />
              <span className="sr-only">{words[status]}:</span>
              <span className="w-28 shrink-0 text-muted max-sm:w-20">{name}</span>
              <span className="min-w-0 break-words whitespace-pre-line">{detail}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
