import { type ReactNode, type RefObject, useEffect, useId, useRef } from 'react'
import { classes } from './classes.ts'

export interface DialogProps {
  title: string
  /** Hides the title from view; it still names the dialog. */
  titleHidden?: boolean
  onClose(): void
  /** What has the focus first. Default: the first field or button inside. */
  first?: RefObject<HTMLElement | null>
  className?: string
  children: ReactNode
}

/** A modal dialog. The browser's own element traps the focus, closes on Escape, and gives the focus back. */
export function Dialog({ title, titleHidden = false, onClose, first, className, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    const dialog = element.current
    if (dialog === null) return
    dialog.showModal()
    first?.current?.focus()
    return () => dialog.close()
  }, [first])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog; the keyboard has Escape
    <dialog
      ref={element}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => {
        if (event.target === element.current) onClose()
      }}
      className={classes(
        'm-auto mt-[12vh] w-full max-w-xl rounded-xl border border-line-strong bg-panel p-0 text-text shadow-float',
        'backdrop:bg-black/40 max-sm:mt-auto max-sm:mb-0 max-sm:max-w-full max-sm:rounded-b-none',
        className,
      )}
    >
      <h2
        id={titleId}
        className={titleHidden ? 'sr-only' : 'border-b border-line px-4 py-3 text-[14px] font-semibold'}
      >
        {title}
      </h2>
      {children}
    </dialog>
  )
}
