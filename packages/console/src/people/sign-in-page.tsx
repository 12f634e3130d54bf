import { type FormEvent, useRef, useState } from 'react'
import { signIn } from '#app/session.ts'
import { Button } from '#ui/button.tsx'
import { Field, Input } from '#ui/field.tsx'
import { Problem } from '#ui/notice.tsx'

/** For a browser that nobody is signed in with. */
export function SignInPage() {
  const [problem, setProblem] = useState<string | null>(null)
  const [isPending, setPending] = useState(false)
  const isRefused = new URLSearchParams(location.search).has('code')
  const field = useRef<HTMLInputElement>(null)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const secret = field.current?.value.trim() ?? ''
    setPending(true)
    setProblem(null)
    try {
      await signIn(secret)
      // It stays out of the form, of the history and of the storage.
      if (field.current !== null) field.current.value = ''
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      setPending(false)
    }
  }
  return (
    <main className="mx-auto flex min-h-dvh max-w-sm flex-col justify-center gap-5 px-6 py-10">
      <div>
        <p className="mb-3 text-[13px] font-semibold tracking-tight text-muted">Millrace</p>
        <h1 className="text-[20px] font-semibold tracking-tight">
          {isRefused ? 'This address does not log in' : 'Sign in'}
        </h1>
        <p className="mt-1 text-muted">
          {isRefused ? 'A login address works once and for ten minutes.' : 'This browser is not signed in.'}
        </p>
      </div>
      {problem !== null && <Problem message={problem} />}
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field label="Token, code, or login address">
          {(id) => (
            <Input
              id={id}
              ref={field}
              type="password"
              required
              autoComplete="current-password"
              spellCheck={false}
            />
          )}
        </Field>
        <Button type="submit" look="primary" disabled={isPending}>
          Sign in
        </Button>
      </form>
      <div className="text-muted">
        <p>Or run this command on the server’s machine, and open the address that it prints:</p>
        <pre className="mt-2 rounded-md border border-line bg-raised px-3 py-2 font-mono text-[12px] text-text">
          millrace login
        </pre>
      </div>
    </main>
  )
}
