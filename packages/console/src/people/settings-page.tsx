/** The user, the look and the notifications of this browser, the server's health; for admins, its storage and users' tokens. */
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { addressOf } from '#app/address.ts'
import { useDocumentState } from '#app/document-state.ts'
import { signOut, useSignedIn } from '#app/session.ts'
import { chooseTheme, storedTheme, type Theme, themes } from '#app/theme.ts'
import { Badge } from '#ui/badge.tsx'
import { Button, buttonClasses } from '#ui/button.tsx'
import { classes } from '#ui/classes.ts'
import { Health } from './health.tsx'
import { Notifications } from './notifications.tsx'
import { Section } from './section.tsx'
import { Storage } from './storage.tsx'
import { Tokens } from './tokens.tsx'

export function SettingsPage() {
  useDocumentState('Settings')
  const { server } = useSignedIn()
  return (
    <div className="mx-auto flex max-w-3xl flex-col gap-6 px-4 py-6">
      <h1 className="text-[18px] font-semibold tracking-tight">Settings</h1>
      <Section title="You">
        <div className="flex flex-wrap items-center gap-2">
          <span className="font-medium">{server.user}</span>
          {server.admin && <Badge tone="accent">admin</Badge>}
          <span className="text-muted">
            {server.admin ? 'You see the runs of everybody.' : 'You see your own runs.'}
          </span>
          <span className="flex-1" />
          <Button onClick={() => void signOut()}>Sign out</Button>
        </div>
      </Section>
      <Section title="Appearance">
        <ThemeChoice />
      </Section>
      <Notifications />
      <Health />
      {server.admin && <Storage />}
      {server.admin && <Tokens />}
      <p className="text-[12px] text-muted">
        Millrace {server.version} ·{' '}
        <Link to="/worktrees" className="underline underline-offset-2">
          Worktrees
        </Link>{' '}
        ·{' '}
        <a href={addressOf('docs')} className="underline underline-offset-2">
          API documentation
        </a>
      </p>
    </div>
  )
}

function ThemeChoice() {
  const [theme, setTheme] = useState<Theme>(storedTheme)
  return (
    <fieldset className="flex gap-2">
      <legend className="sr-only">Theme</legend>
      {themes.map((one) => (
        <label
          key={one}
          className={classes(
            buttonClasses(),
            'cursor-pointer capitalize has-focus-visible:outline-2 has-focus-visible:outline-accent',
            one === theme && 'border-accent! bg-accent-soft!',
          )}
        >
          <input
            type="radio"
            name="theme"
            className="sr-only"
            checked={one === theme}
            onChange={() => {
              setTheme(one)
              chooseTheme(one)
            }}
          />
          {one}
        </label>
      ))}
    </fieldset>
  )
}
