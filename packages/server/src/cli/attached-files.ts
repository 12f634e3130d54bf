/** Files that a message brings along, as the API takes them. */
import { readFileSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { type AttachmentBody, type AttachmentType, messageOf } from '@millrace/protocol'
import { exitCodes } from './exit-codes.ts'
import { CliError } from './terminal.ts'

export function attachedFiles(files: readonly string[], cwd: string): AttachmentBody[] {
  return files.map((file) => {
    const mediaType = types[extname(file).toLowerCase()] ?? 'text/plain'
    try {
      return { name: basename(file), mediaType, data: readFileSync(resolve(cwd, file)).toString('base64') }
    } catch (error) {
      throw new CliError(`cannot read ${file}: ${messageOf(error)}`, exitCodes.usage)
    }
  })
}

/** The server checks whether a file is what it is called; anything else is text, or is refused. */
const types: Readonly<Record<string, AttachmentType>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.pdf': 'application/pdf',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.csv': 'text/csv',
  '.html': 'text/html',
}
