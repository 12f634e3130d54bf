/**
 * What a file tool answers from inside the sandbox. The programs in this folder run there alone: they import nothing
 * of the server, and the server never runs them itself.
 */
export interface Answer {
  ok: boolean
  /** What the model reads. */
  text: string
  details?: Record<string, unknown>
}

/** Ends a call with a sentence for the model: its request cannot be met. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** A sentence for the model about a failure of the file system. */
export function failureText(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
      return `There is no ${path}.`
    case 'ENOTDIR':
      return `A part of ${path} is a file, not a directory.`
    case 'EISDIR':
      return `${path} is a directory.`
    case 'EACCES':
    case 'EPERM':
      return `Permission denied: ${path}.`
    case 'EROFS':
    case 'EBUSY':
      return `${path} is protected or read-only: this run may not change it.`
    case 'ELOOP':
      return `${path} leads through symbolic links that never end.`
    case 'ENAMETOOLONG':
      return `The path is too long: ${path.slice(0, 200)}…`
    case 'ENOSPC':
    case 'EDQUOT':
      return `The disk is full: ${path} was not written.`
    case 'ENXIO':
    case 'ENODEV':
      return `${path} cannot be opened.`
    default:
      return `${path}: ${code ?? message}.`
  }
}
