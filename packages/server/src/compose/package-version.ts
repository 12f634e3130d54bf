/** The version of this package, read from its own `package.json`. */
import { readFileSync } from 'node:fs'

interface PackageFile {
  version: string
}

const file = new URL('../../package.json', import.meta.url)

export const packageVersion: string = (JSON.parse(readFileSync(file, 'utf8')) as PackageFile).version
