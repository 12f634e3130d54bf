/** The kind `job`: a tool of the configuration, run as a subprocess. */
import { startJobBody } from '@millrace/protocol/schemas'
import type { Config } from '#config/config'
import { alwaysAvailable, type Kind } from '#runners/kind'
import { prepareJob } from './prepare.ts'
import { createJobRunner } from './runner.ts'

type JobSettings = Pick<Config, 'projects' | 'tools' | 'concurrency' | 'limits' | 'sandbox'>

export function jobKind(config: JobSettings): Kind {
  return {
    ...alwaysAvailable,
    kind: 'job',
    request: startJobBody,
    runner: createJobRunner({
      tools: config.tools,
      environment: config.sandbox.env,
      eventBytes: config.limits.eventBytes,
      outputBytes: config.limits.outputBytes,
    }),
    concurrency: config.concurrency.job,
    exclusive: false,
    resumable: null,
    prepare: (request) => prepareJob(request, config),
  }
}
