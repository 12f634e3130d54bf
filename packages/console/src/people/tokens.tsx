/** Users' tokens: created, shown once, revoked. */
import { ClientError, call } from '@millrace/client'
import type { CreatedTokenResponse, TokenRecord, TokensResponse } from '@millrace/protocol'
import { type FormEvent, useCallback, useEffect, useState } from 'react'
import { connection } from '#app/session.ts'
import { Badge } from '#ui/badge.tsx'
import { Button } from '#ui/button.tsx'
import { Field, Input, Select } from '#ui/field.tsx'
import { Problem } from '#ui/notice.tsx'
import { useNow } from '#ui/now.ts'
import { RelativeTime } from '#ui/time.tsx'
import { Section } from './section.tsx'

const path = '/api/admin/tokens'

export function Tokens() {
  const [tokens, setTokens] = useState<readonly TokenRecord[]>([])
  const [made, setMade] = useState<CreatedTokenResponse | null>(null)
  const [problem, setProblem] = useState<string | null>(null)

  const attempt = useCallback(async (work: () => Promise<void>) => {
    setProblem(null)
    try {
      await work()
      setTokens((await call<TokensResponse>(connection, { path })).tokens)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      setProblem(error.message)
    }
  }, [])
  useEffect(() => void attempt(async () => {}), [attempt])

  const create = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const element = event.currentTarget
    const form = new FormData(element)
    const days = Number(form.get('days'))
    const body = {
      user: String(form.get('user')).trim(),
      admin: form.get('admin') === 'on',
      ...(days > 0 ? { ttlSeconds: days * 86_400 } : {}),
    }
    void attempt(async () => {
      setMade(await call<CreatedTokenResponse>(connection, { method: 'POST', path, body }))
      element.reset()
    })
  }
  const revoke = (id: string) =>
    attempt(async () => {
      await call(connection, { method: 'DELETE', path: `${path}/${encodeURIComponent(id)}` })
      setMade((shown) => (shown?.id === id ? null : shown))
    })
  return (
    <Section title="Users’ tokens">
      <div className="flex flex-col gap-4">
        {problem !== null && <Problem message={problem} />}
        <form onSubmit={create} className="flex flex-wrap items-end gap-3">
          <div className="min-w-36 flex-1">
            <Field label="User">
              {(id) => (
                <Input id={id} name="user" required maxLength={255} autoComplete="off" spellCheck={false} />
              )}
            </Field>
          </div>
          <Field label="Valid for">
            {(id) => (
              <Select id={id} name="days" defaultValue="30">
                <option value="1">1 day</option>
                <option value="30">30 days</option>
                <option value="365">1 year</option>
                <option value="0">until revoked</option>
              </Select>
            )}
          </Field>
          <label className="flex h-8 items-center gap-2 max-sm:h-10">
            <input type="checkbox" name="admin" /> Admin
          </label>
          <Button type="submit">Create token</Button>
        </form>
        {made !== null && <Made token={made} />}
        {tokens.length > 0 && <TokenList tokens={tokens} revoke={(id) => void revoke(id)} />}
      </div>
    </Section>
  )
}

function Made({ token: { user, token } }: { token: CreatedTokenResponse }) {
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(token)
    setCopied(true)
  }
  return (
    <div role="status" className="rounded-md bg-good-soft px-3 py-2">
      <p className="text-good">The token of {user}. It is not shown again.</p>
      <div className="mt-1 flex items-center gap-2">
        <code className="min-w-0 flex-1 font-mono text-[12px] break-all">{token}</code>
        {/* Only pages of a secure context may write to the clipboard. */}
        {isSecureContext && (
          <Button small onClick={() => void copy()}>
            {isCopied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </div>
    </div>
  )
}

function TokenList({ tokens, revoke }: { tokens: readonly TokenRecord[]; revoke(id: string): void }) {
  const now = useNow()
  return (
    <ul aria-label="Tokens" className="divide-y divide-line border-t border-line">
      {tokens.map(({ id, user, admin, createdAt, expiresAt, revokedAt }) => {
        const isOver = revokedAt !== null || (expiresAt !== null && expiresAt <= now)
        return (
          <li key={id} className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 py-1.5">
            <span className="font-medium">{user}</span>
            {admin && <Badge tone="accent">admin</Badge>}
            {isOver && <Badge>{revokedAt === null ? 'expired' : 'revoked'}</Badge>}
            <span className="text-[12px] text-muted">
              created <RelativeTime at={createdAt} />
              {!isOver && expiresAt !== null && `, valid until ${new Date(expiresAt).toLocaleDateString()}`}
            </span>
            <span className="flex-1" />
            {!isOver && (
              <Button
                small
                look="danger"
                aria-label={`Revoke the token of ${user}`}
                onClick={() => revoke(id)}
              >
                Revoke
              </Button>
            )}
          </li>
        )
      })}
    </ul>
  )
}
