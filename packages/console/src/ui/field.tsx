import { type ComponentProps, type ReactNode, useId } from 'react'
import { classes } from './classes.ts'

const box =
  'w-full rounded-md border border-line-strong bg-bg px-2.5 text-text placeholder:text-muted disabled:opacity-50'

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input className={classes(box, 'h-8 max-sm:h-10', className)} {...rest} />
}

export function TextArea({ className, ...rest }: ComponentProps<'textarea'>) {
  return <textarea className={classes(box, 'py-1.5 leading-normal', className)} {...rest} />
}

/** The browser's own: it is the best one on a phone. */
export function Select({ className, children, ...rest }: ComponentProps<'select'>) {
  return (
    <select className={classes(box, 'h-8 max-sm:h-10', className)} {...rest}>
      {children}
    </select>
  )
}

/** A caption above a field. `children` receives the id that connects them. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string
  hint?: ReactNode
  children: (id: string) => ReactNode
}) {
  const id = useId()
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-[12px] font-medium text-soft">
        {label}
      </label>
      {children(id)}
      {hint !== undefined && <div className="text-[12px] text-muted">{hint}</div>}
    </div>
  )
}
