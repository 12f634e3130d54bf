/** What operations on credentials do to the tables. */
import type { CredentialOperation, OperationResult } from '#store/batched/operations'
import * as rules from '#store/rules/credentials'
import { refusal } from '#store/rules/refusal'
import type { MemoryTables } from './tables.ts'

type CredentialWriter = {
  [Op in CredentialOperation['op']]: (operation: Extract<CredentialOperation, { op: Op }>) => OperationResult
}

export function credentialWriter({ credentials }: MemoryTables): CredentialWriter {
  const entryOf = (id: string) => [...credentials].find(([, credential]) => credential.id === id)

  /** Everything made from a credential, however many steps down, dies with it. */
  function revoke(id: string, at: number): void {
    const line = new Set([id])
    for (const id of line)
      for (const { id: child, parent } of credentials.values()) if (parent === id) line.add(child)
    for (const [hash, credential] of credentials) {
      if (line.has(credential.id)) credentials.set(hash, rules.revoke(credential, at))
    }
  }

  return {
    'credential-add': ({ credential, hash }) => {
      if (credentials.has(hash) || entryOf(credential.id) !== undefined) {
        return refusal('internal', `There is a credential ${credential.id} already`)
      }
      credentials.set(hash, { ...credential })
      return { kind: 'credential', credential }
    },
    'credential-take': ({ hash, at }) => {
      const credential = rules.take(credentials.get(hash), at)
      if (credential === null) return { kind: 'none' }
      credentials.set(hash, credential)
      return { kind: 'credential', credential: { ...credential } }
    },
    'credential-revoke': ({ id, at }) => {
      if (entryOf(id) === undefined) return { kind: 'none' }
      revoke(id, at)
      return { kind: 'done' }
    },
    'credential-sweep': ({ at }) => {
      for (const [hash, credential] of credentials)
        if (rules.isSwept(credential, at)) credentials.delete(hash)
      return { kind: 'done' }
    },
  }
}
