import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRoot, Workspace } from '@millrace/test-support/workspace'
import { afterAll, expect, it } from 'vitest'

const workspace = new Workspace()
afterAll(() => workspace.close())

const certificates = join(workspace.root, 'certificates')
mkdirSync(certificates)
const authority = join(certificates, 'ca.pem')
writeFileSync(authority, 'the authority\n')
const look =
  'cat "$SSL_CERT_FILE"; (echo x > "$SSL_CERT_FILE") 2>/dev/null || echo kept; ls -A $(dirname $SSL_CERT_FILE)'

it('a file of certificates that a variable names can be read and not written, and nothing beside it', async () => {
  writeFileSync(join(certificates, 'private.key'), 'secret\n')
  const project = workspace.project('mine')
  const sandbox = await workspace.open([project], { certificates: [authority] })
  const ran = await workspace.sh(sandbox, project, look, { env: { SSL_CERT_FILE: authority } })
  expect(ran.stdout).toBe('the authority\nkept\nca.pem\n')
})

it.runIf(isRoot)('a variable whose file is closed to the run’s user is left out', async () => {
  const theirs = workspace.project('theirs', 'somebody')
  chmodSync(certificates, 0o700)
  const sandbox = await workspace.open([theirs], { certificates: [authority] })
  const env = { SSL_CERT_FILE: authority, CURL_CA_BUNDLE: '/tmp/made-inside.pem' }
  const ran = await workspace.sh(sandbox, theirs, 'echo "<$SSL_CERT_FILE>" $CURL_CA_BUNDLE', { env })
  expect(ran.stdout).toBe('<> /tmp/made-inside.pem\n')
})
