/**
 * Shows a session or an execution as it happens: what the agent says on stdout, everything about it on stderr. If a person
 * can answer here, the agent's questions are asked here; otherwise the commands that answer are printed.
 */
import {
  type FinalState,
  finalStateOf,
  idleType,
  lifecycleTypes,
  type MessageQueuedEvent,
  messageTypes,
  type PermissionDeniedEvent,
  type PermissionRequestedEvent,
  type PermissionResolvedEvent,
  permissionTypes,
  type Run,
} from '@millrace/protocol'
import {
  answeredBy,
  applyToChanges,
  callInFull,
  changesResponse,
  clip,
  newChanges,
  type OpenApproval,
  unchangingTypes,
  type ViewEvent,
} from '@millrace/protocol/view'
import type { Followed } from '#cli/follow'
import type { Input, Io } from '#cli/terminal'
import { changesAsText } from './changes.ts'
import { ExecutionText } from './execution-text.ts'
import { formText } from './form-text.ts'
import type { AgentText, Piece } from './piece.ts'
import { type Answer, Questions } from './questions.ts'
import { type Look, Screen } from './screen.ts'
import { SessionText } from './session-text.ts'
import { howToTalk, Talk, type TalkOptions } from './talk.ts'

export interface AgentPrinterOptions {
  run: Run
  io: Io
  answer(approvalId: string, answer: Answer): Promise<unknown>
  /** Present for a conversation: what is typed are messages. */
  talk?: Pick<TalkOptions, 'send' | 'finish'> | undefined
  now?: () => number
}

export class AgentPrinter {
  readonly #run: Run
  readonly #screen: Screen
  readonly #questions: Questions
  readonly #text: AgentText
  readonly #talk: Talk | null
  #changes: ReturnType<typeof newChanges>

  constructor({ run, io, answer, talk, now }: AgentPrinterOptions) {
    this.#run = run
    this.#text = run.kind === 'session' ? new SessionText() : new ExecutionText()
    this.#changes = newChanges(run.kind)
    this.#screen = new Screen(io)
    const command = (verb: string, id: string) => `  millrace ${verb} ${run.id} ${id}`
    this.#questions = new Questions({
      screen: this.#screen,
      input: person(io),
      howToAnswer: (id) => [command('approve', id), command('deny', id)],
      answer,
      ...(now === undefined ? {} : { now }),
    })
    const isAsking = () => this.#questions.isAsking
    const { stdin: input } = io
    const talks = talk !== undefined && input !== undefined
    this.#talk = talks ? new Talk({ screen: this.#screen, input, isAsking, ...talk }) : null
  }

  async begin(): Promise<void> {
    await this.note(`run ${this.#run.id}`)
    const { prompt, task = prompt } = this.#run.spec
    if (typeof task === 'string') await this.note(clip(task, 200))
    if (this.#talk === null) return
    await this.note(howToTalk)
    this.#talk.open()
  }

  async show(followed: Followed): Promise<void> {
    switch (followed.kind) {
      case 'event':
        if (!unchangingTypes.includes(followed.type)) this.#changes = applyToChanges(this.#changes, followed)
        await this.#event(followed)
        // Before the head, an open question may be answered further on in the log.
        if (followed.seq >= this.#run.head) await this.#questions.ask()
        await this.#talk?.prompt()
        return
      case 'reset': {
        const { reason, firstSeq, head } = followed.data
        this.#text.reset(firstSeq)
        return this.note(
          `this place in the log is gone (${reason}): following from event ${firstSeq} of ${head}`,
        )
      }
      case 'lost':
        return this.note(`connection lost (${followed.reason}), trying again`)
      case 'back':
        await this.note('connected again')
        return this.#questions.ask()
      case 'over':
        return
      default:
        return followed satisfies never
    }
  }

  /** Prints a remark for a person. */
  note(text: string): Promise<void> {
    return this.#line('note', `-- ${text}`)
  }

  /** Leaves nothing unfinished on the screen, whatever happened. */
  end(): void {
    this.#questions.close()
    this.#talk?.close()
    this.#screen.settle()
  }

  async #event(event: ViewEvent): Promise<void> {
    const { type, data } = event
    const { approvalId = '' } = (data ?? {}) as { approvalId?: string }
    const asked = this.#text.question(approvalId)
    const pieces = this.#text.take(event)
    switch (type) {
      case lifecycleTypes.queued:
        return this.note('queued')
      case lifecycleTypes.started:
        return this.note('started')
      case permissionTypes.denied:
        return this.#denied(data as PermissionDeniedEvent)
      case permissionTypes.requested:
        return this.#requested(data as PermissionRequestedEvent)
      case permissionTypes.resolved:
        return this.#resolved(data as PermissionResolvedEvent, asked)
      case messageTypes.queued:
        return this.#said(data as MessageQueuedEvent)
      case messageTypes.delivered:
        this.#talk?.busy()
        return
      case idleType:
        return this.#talk?.idle() ?? this.note('waits for a message')
      default:
        for (const piece of pieces) await this.#put(piece)
    }
    const state = finalStateOf(this.#run.kind, { type, data })
    if (state !== undefined) await this.#ended(state, (data ?? {}) as Record<string, unknown>)
  }

  /** What the person at this terminal has typed is on the screen already. */
  async #said({ user, text }: MessageQueuedEvent): Promise<void> {
    if (this.#talk === null) await this.note(`${user}: ${clip(text, 400)}`)
  }

  #denied({ tool, input, reason }: PermissionDeniedEvent): Promise<void> {
    return this.#line('error', `✗ denied: ${this.#text.callInLine(tool, input)}\n  ${reason}`)
  }

  async #requested({ approvalId, tool, input, reason, form }: PermissionRequestedEvent): Promise<void> {
    if (form !== undefined) return this.#line('question', formText(this.#run.id, approvalId, form))
    this.#questions.add(approvalId)
    await this.#line('question', `? asks to run: ${callInFull(tool, input)}\n  ${reason}`)
  }

  async #resolved(
    { approvalId, decision, by, user, message, updatedInput, scope }: PermissionResolvedEvent,
    asked: OpenApproval | undefined,
  ): Promise<void> {
    const what =
      asked === undefined ? 'a call' : this.#text.callInLine(asked.tool, updatedInput ?? asked.input)
    this.#questions.remove(approvalId)
    const changed = updatedInput === undefined ? '' : ' with another input'
    const mark =
      decision === 'allow' ? `✓ allowed${changed}${scope === 'run' ? ' in this run' : ''}` : '✗ denied'
    const added = message === undefined || message === '' ? '' : `\n  ${message}`
    const look = decision === 'allow' ? 'note' : 'error'
    await this.#line(look, `${mark} ${answeredBy({ by, user })}: ${what}${added}`)
  }

  async #ended(state: FinalState, data: Record<string, unknown>): Promise<void> {
    this.#questions.close()
    this.#talk?.close()
    for (const line of changesAsText(changesResponse(this.#changes))) await this.#line('note', line)
    await this.#line(state === 'errored' ? 'error' : 'note', `-- ${this.#text.endInLine(state, data)}`)
    if (state === 'interrupted') await this.note(`to continue: millrace resume ${this.#run.id}`)
  }

  #put(piece: Piece): Promise<void> | void {
    switch (piece.kind) {
      case 'text':
        return this.#screen.text(piece.look, piece.text)
      case 'line':
        return this.#screen.line(piece.look, piece.text)
      case 'end':
        // A prompt stays in place: nothing was written.
        return this.#screen.prompting ? undefined : this.#screen.settle()
      default:
        return piece satisfies never
    }
  }

  #line(look: Look, text: string): Promise<void> {
    this.#text.interrupt()
    return this.#screen.line(look, text)
  }
}

/** Returns the input of a person who can read a question and type an answer; undefined if there is none. */
function person({ stdin, stdout }: Io): Input | undefined {
  return stdin?.isTTY && stdout.isTTY && !stdin.readableEnded ? stdin : undefined
}
