/** Removes secrets from texts that people will read. */

/** Anything that looks like a provider's key, whoever owns it. */
const keyShapes = /\bsk-[A-Za-z0-9_-]{8,}/g

/** Empty values are no secrets. */
export function redactor(secrets: readonly (string | undefined)[]): (text: string) => string {
  const values = secrets.filter((secret) => secret !== undefined && secret !== '')
  return (text) =>
    values
      .reduce<string>((left, value) => left.replaceAll(String(value), '[secret]'), text)
      .replace(keyShapes, '[secret]')
}
