/** Takes secrets out of texts that people will read. */

/** What looks like a key of a provider, whoever's it is. */
const keyShapes = /\bsk-[A-Za-z0-9_-]{8,}/g

/** Values that are empty are no secrets. */
export function redactor(secrets: readonly (string | undefined)[]): (text: string) => string {
  const values = secrets.filter((secret) => secret !== undefined && secret !== '')
  return (text) =>
    values
      .reduce<string>((left, value) => left.replaceAll(String(value), '[secret]'), text)
      .replace(keyShapes, '[secret]')
}
