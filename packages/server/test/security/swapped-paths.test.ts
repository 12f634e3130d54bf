/** A project is the directory that the configuration named, not one that took its place since. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bearer, follow } from './support/follow.ts'
import { openRig, type Rig, scratch } from './support/server.ts'

// Inside another project, whose runs may put something else in its place.
for (const mode of ['off', 'auto'] as const) {
  describe(`with the sandbox ${mode}`, () => {
    let rig: Rig
    let folder: ReturnType<typeof scratch>
    let inner: string
    let secret: string

    beforeEach(async () => {
      folder = scratch()
      inner = join(folder.path, 'project', 'inner')
      secret = join(folder.path, 'secret')
      mkdirSync(inner, { recursive: true })
      mkdirSync(secret)
      writeFileSync(join(secret, 'key'), 'the key')
      writeFileSync(join(inner, 'key'), 'nothing')
      rig = await openRig({
        folder: folder.path,
        config: {
          projects: { here: { path: join(folder.path, 'project') }, inner: { path: inner } },
          tools: { read: { command: ['cat', 'key'], projects: ['inner'] } },
          sandbox: { mode },
        },
      })
    })
    afterEach(async () => {
      await rig.stop()
      folder.dispose()
    })

    async function read(): Promise<string> {
      const started = await rig.as(rig.owner, '/api/execute', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ toolId: 'read', projectId: 'inner' }),
      })
      const { data } = (await started.json()) as { data: { jobId: string } }
      const stream = await follow(`${rig.url}/api/stream/${data.jobId}`, bearer(rig.owner))
      await stream.over
      return stream.text()
    }

    it('a run works in the directory of its project', async () => {
      expect(await read()).toContain('"line":"nothing"')
    })

    // Failed before: the run was where the link led, with the right to write there.
    it('a link in place of the project is not followed', async () => {
      renameSync(inner, `${inner}.away`)
      symlinkSync(secret, inner)
      const text = await read()
      expect(text).not.toContain('the key')
      expect(text).toMatch(/^event: error$/m)
      expect(text).not.toContain(secret)
    })

    it('a link in place of a directory above the project is not followed', async () => {
      mkdirSync(join(secret, 'inner'))
      writeFileSync(join(secret, 'inner', 'key'), 'the key')
      const project = join(folder.path, 'project')
      renameSync(project, `${project}.away`)
      symlinkSync(secret, project)
      expect(await read()).not.toContain('the key')
      rmSync(project)
      renameSync(`${project}.away`, project)
    })

    it('a missing project ends only the run', async () => {
      rmSync(inner, { recursive: true })
      expect(await read()).toMatch(/^event: error$/m)
      mkdirSync(inner)
      writeFileSync(join(inner, 'key'), 'nothing')
      expect(await read()).toContain('"line":"nothing"')
    })
  })
}
