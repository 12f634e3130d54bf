/** The credential store, over the same outbox and reads as the runs. */
import type { Credential, CredentialStore } from '#store/credentials'
import type { Backend } from './backend.ts'
import type { CredentialOperation } from './operations.ts'
import type { Written } from './outbox.ts'

export function credentialStore(
  submit: (operation: CredentialOperation) => Promise<Written>,
  read: Backend['read'],
): CredentialStore {
  return {
    async add(credential, hash) {
      await submit({ op: 'credential-add', credential, hash })
    },
    async take(hash, at) {
      return credentialOrNull(await submit({ op: 'credential-take', hash, at }))
    },
    async revoke(id, at) {
      return (await submit({ op: 'credential-revoke', id, at })).kind === 'done'
    },
    async sweep(at) {
      await submit({ op: 'credential-sweep', at })
    },
    find: (hash) => read('credential', { hash }),
    findLive: (hash, at) => read('liveCredential', { hash, at }),
    list: (kind) => read('credentials', { kind }),
    dead: (ids, at) => read('deadCredentials', { ids, at }),
  }
}

function credentialOrNull(written: Written): Credential | null {
  return written.kind === 'credential' ? written.credential : null
}
