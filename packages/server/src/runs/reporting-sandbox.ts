/** The sandbox as one run sees it: what is taken away from the run stands in its log. */
import { relative } from 'node:path'
import { type HeldBackEvent, heldBackType, type QuarantinedEvent, quarantinedType } from '@millrace/protocol'
import type { Sandbox } from '@millrace/sandbox'
import type { EmittedEvent } from '#runners/runner'

export function reportingSandbox(sandbox: Sandbox, report: (event: EmittedEvent) => void): Sandbox {
  return {
    report: sandbox.report,
    close: () => sandbox.close(),
    spawn: (command) =>
      sandbox.spawn({
        ...command,
        onTakenAway: (taken) => {
          const { path, keptAt } = taken
          command.onTakenAway?.(taken)
          const shown = shownPath(command.projectPath, path)
          const message =
            keptAt === path
              ? `Millrace could not move ${shown} out of the project: other programs would run what it says. Remove it.`
              : `Millrace moved ${shown} out of the project: other programs would run what it says. ` +
                `If you want it, move it back from ${keptAt}.`
          const data: QuarantinedEvent = { path: shown, keptAt, message }
          report({ type: quarantinedType, data })
        },
        onHeldBack: (held) => {
          const { path, settings } = held
          command.onHeldBack?.(held)
          const shown = shownPath(command.projectPath, path)
          const message =
            `Millrace keeps these settings of ${shown} inside the run: ${settings.join(', ')}. ` +
            'Git outside could execute what they say, or push elsewhere; set them yourself if you want them.'
          const data: HeldBackEvent = { path: shown, settings, message }
          report({ type: heldBackType, data })
        },
      }),
  }
}

/** From the project; as a whole where it is elsewhere: a linked working tree has its repository in another directory. */
function shownPath(project: string, path: string): string {
  const inProject = relative(project, path)
  return inProject.startsWith('../') ? path : inProject
}
