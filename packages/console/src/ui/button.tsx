import type { ComponentProps, ReactNode } from 'react'
import { classes } from './classes.ts'

export type ButtonLook = 'plain' | 'primary' | 'quiet' | 'danger' | 'good'

const looks: Record<ButtonLook, string> = {
  plain: 'border-line-strong bg-panel text-text hover:bg-hover',
  primary: 'border-transparent bg-accent text-accent-text hover:opacity-90',
  quiet: 'border-transparent text-soft hover:bg-hover hover:text-text',
  danger: 'border-line-strong bg-panel text-bad hover:bg-bad-soft',
  good: 'border-transparent bg-good text-panel hover:opacity-90',
}

/** The classes of a button, for links that look like one. */
export function buttonClasses(look: ButtonLook = 'plain', small = false): string {
  return classes(
    'inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none',
    'transition-colors disabled:opacity-50',
    small ? 'h-6 px-2 text-[12px]' : 'h-8 px-3 max-sm:h-10',
    looks[look],
  )
}

export interface ButtonProps extends ComponentProps<'button'> {
  look?: ButtonLook
  small?: boolean
}

export function Button({ look, small, className, type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={classes(buttonClasses(look, small), className)} {...rest} />
}

/** A button that shows an icon alone; `label` is its name. */
export function IconButton({
  label,
  className,
  children,
  ...rest
}: ComponentProps<'button'> & { label: string; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={classes(
        'inline-flex size-8 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-text',
        'disabled:opacity-40 max-sm:size-10',
        className,
      )}
      {...rest}
    >
      {children}
    </button>
  )
}
