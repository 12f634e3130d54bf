import { classes } from './classes.ts'

/** A path in one line. Where it is too long its beginning is cut: the name of the file stands at its end. */
export function Path({
  path,
  title = path,
  className,
}: {
  path: string
  title?: string
  className?: string
}) {
  return (
    <span className={classes('block min-w-0 truncate text-left [direction:rtl]', className)} title={title}>
      <bdi dir="ltr">{path}</bdi>
    </span>
  )
}

/** Is a text nothing but a path? A command, whose beginning tells most, is not. */
export function isPath(text: string): boolean {
  return /^[^\s"'`$|;&<>{}]*\/[^\s"'`$|;&<>{}]*$/.test(text) && !text.includes('://')
}
