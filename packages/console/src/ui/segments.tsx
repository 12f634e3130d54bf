/** A choice of a few, side by side: radio buttons, so that the arrow keys move between them. */
import { classes } from './classes.ts'

interface Segment<Value> {
  value: Value
  label: string
}

interface SegmentsProps<Value> {
  /** Says what is chosen, to screen readers. */
  legend: string
  name: string
  segments: readonly Segment<Value>[]
  chosen: Value
  choose(value: Value): void
  /** Of each label. */
  className: string
}

export function Segments<Value extends string | number>({
  legend,
  name,
  segments,
  chosen,
  choose,
  className,
}: SegmentsProps<Value>) {
  return (
    <fieldset className="flex gap-1 rounded-lg bg-raised p-1">
      <legend className="sr-only">{legend}</legend>
      {segments.map(({ value, label }) => (
        <label
          key={value}
          className={classes(
            'cursor-pointer rounded-md py-1 font-medium has-focus-visible:outline-2 has-focus-visible:outline-accent',
            className,
            value === chosen ? 'bg-panel text-text shadow-sm' : 'text-muted hover:text-text',
          )}
        >
          <input
            type="radio"
            name={name}
            className="sr-only"
            checked={value === chosen}
            onChange={() => choose(value)}
          />
          {label}
        </label>
      ))}
    </fieldset>
  )
}
