/** The commands of agent sessions: what they take. */
import { type Command, Option } from 'commander'
import type { Io } from '#cli/terminal'
import type { AnswerFlags } from './answer.ts'
import type { AskFlags, ResumeFlags } from './ask.ts'
import { type End, following, local } from './declare.ts'
import type { FollowFlags } from './follow.ts'

const ctrlC = '\nCtrl-C aborts the run and waits for its end; another one leaves at once.'

export function declareSessions(program: Command, io: Io, end: End): void {
  following(
    program.command('ask').argument('[prompt]').description('give an agent a task and follow it to its end'),
  )
    .option('--project <id>', 'where it works (not needed where there is one project)')
    .option('--cwd <dir>', 'where in the project')
    .option('--model <name>', 'which model (default: as configured)')
    .addOption(
      new Option('--approvals <on|off>', 'may it ask people? (default: as configured)').choices([
        'on',
        'off',
      ]),
    )
    .addHelpText('after', `\nWith - or without a prompt, standard input is the prompt.${ctrlC}`)
    .action(async (prompt: string | undefined, flags: AskFlags) => {
      const { askCommand } = await import('./ask.ts')
      end(await askCommand(prompt, flags, io))
    })

  following(
    program.command('resume').argument('<run>').description('go on with the conversation of a session'),
  )
    .option('--prompt <text>', 'what to tell the agent, - for standard input (default: to go on)')
    .addHelpText('after', ctrlC)
    .action(async (run: string, flags: ResumeFlags) => {
      const { resumeCommand } = await import('./ask.ts')
      end(await resumeCommand(run, flags, io))
    })

  following(program.command('retry').argument('<run>').description('run the same again, as a new run'))
    .addHelpText('after', ctrlC)
    .action(async (run: string, flags: FollowFlags) => {
      const { retryCommand } = await import('./ask.ts')
      end(await retryCommand(run, flags, io))
    })

  for (const [name, decision, what] of [
    ['approve', 'allow', 'allow what the agent of a session asks for'],
    ['deny', 'deny', 'deny what the agent of a session asks for'],
  ] as const) {
    local(program.command(name).argument('<run>').argument('<approval>').description(what))
      .option('--message <text>', 'is kept in the log; on a denial the agent is told')
      .action(async (run: string, approval: string, flags: AnswerFlags) => {
        const { answerCommand } = await import('./answer.ts')
        end(await answerCommand(decision, run, approval, flags, io))
      })
  }
}
