/** The kind `external`: a program outside the server does the work, and sends its events in batches over HTTP. */
import { MillraceError } from '@millrace/protocol'
import { startExternalBody } from '@millrace/protocol/schemas'
import type { Config } from '#config/config'
import { alwaysAvailable, type Kind } from '#runners/kind'
import type { Runner } from '#runners/runner'

/** How long a run may be silent by default. */
const leaseSecondsUsual = 900

const runner: Runner = {
  kind: 'external',
  run: () => Promise.reject(new Error('an external run is not run here')),
  endedData(_run, state, message, cause) {
    if (state === 'interrupted') return { error: message }
    if (cause === 'quota') return { error: message, code: 'quota' }
    return { error: message, code: cause === 'abort' ? 'cancelled' : 'internal' }
  },
}

export function externalKind({ projects }: Pick<Config, 'projects'>): Kind {
  return {
    ...alwaysAvailable,
    kind: 'external',
    request: startExternalBody,
    runner,
    concurrency: 0,
    exclusive: false,
    resumable: null,
    detached: {
      leaseMs: ({ leaseSeconds }) =>
        (typeof leaseSeconds === 'number' ? leaseSeconds : leaseSecondsUsual) * 1000,
    },
    prepare(request) {
      const { kind: _kind, ...spec } = startExternalBody.parse(request)
      const { project = null } = spec
      if (project !== null && !projects.has(project)) {
        const expected = `one of ${[...projects.keys()].join(', ')}`
        throw new MillraceError('invalid_request', `There is no project ${project}`, {
          fields: [{ path: 'project', expected }],
        })
      }
      return { project, spec }
    },
  }
}
