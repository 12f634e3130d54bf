/**
 * A conversation of an editor: a session on the server, or several that continue one another. It lives on the server; the
 * editor watches it, and may come and go.
 *
 * Owns: one following of the current run, and the questions that are open in the editor. Invariants: an event is shown once;
 * a prompt is answered when its turn is over, however that came about.
 */
import type {
  AgentContext,
  RequestPermissionRequest,
  SessionUpdate,
  StopReason,
} from '@agentclientprotocol/sdk'
import { type Client, ClientError, type Following } from '@millrace/client'
import {
  type AnswerApprovalBody,
  type Form,
  finalStateOf,
  idleType,
  messageOf,
  messageTypes,
  permissionTypes,
  type Run,
} from '@millrace/protocol'
import { callInLine } from '@millrace/protocol/view'
import { editorForm } from './forms.ts'
import { recordOf, said, Translator } from './translate.ts'

export interface EditorSessionParts {
  id: string
  client: Client
  /** Sends a message to an agent at work; its id. */
  say(runId: string, text: string): Promise<string>
  editor: AgentContext
  /** It can show forms. */
  forms: boolean
  /** Starts the first run. */
  start(prompt: string): Promise<Run>
  /** The session has come to another run. */
  moved(runId: string): void
}

/** A turn that a prompt waits for. `messageId`: it begins when this message is delivered; null: it is under way. */
interface Turn {
  messageId: string | null
  ended: PromiseWithResolvers<StopReason>
}

export class EditorSession {
  readonly #parts: EditorSessionParts
  readonly #questions = new Map<string, AbortController>()
  /** Messages of this editor, which shows them itself. */
  readonly #own = new Set<string>()
  #run: Run | null = null
  #following: Following | null = null
  #translator = new Translator()
  #turn: Turn | null = null
  #saying: Promise<unknown> = Promise.resolve()

  constructor(parts: EditorSessionParts) {
    this.#parts = parts
  }

  /** Shows all that was said, and follows on. */
  async load(runId: string): Promise<void> {
    const { client } = this.#parts
    const runs = [await client.get(runId)]
    for (let [first] = runs; first?.resumes && runs.length < runsMax; [first] = runs)
      runs.unshift(await client.get(first.resumes))
    for (const run of runs) await this.#replay(run)
  }

  /** Attaches to a run without showing what it did. */
  async attach(runId: string): Promise<void> {
    const run = await this.#parts.client.get(runId)
    this.#follow(run, run.head)
  }

  async prompt(text: string): Promise<StopReason> {
    const turn: Turn = { messageId: null, ended: Promise.withResolvers() }
    this.#turn = turn
    turn.ended.promise.catch(() => {})
    const { client, say, start } = this.#parts
    if (this.#run === null) this.#follow(await start(text), 0)
    else {
      const run = await client.get(this.#run.id)
      if (run.finishedAt !== null) this.#follow(await client.resume(run.id, { prompt: text }), 0)
      else {
        // Events wait, so that none about this message comes before its id is known.
        const saying = say(run.id, text)
        this.#saying = saying.catch(() => {})
        turn.messageId = await saying
        this.#own.add(turn.messageId)
      }
    }
    return turn.ended.promise
  }

  /** Ends the turn by ending the run: the next prompt resumes the conversation. */
  async cancel(): Promise<void> {
    if (this.#run !== null && this.#turn !== null) await this.#parts.client.abort(this.#run.id)
  }

  close(): void {
    this.#following?.close()
    for (const question of this.#questions.values()) question.abort()
  }

  async #replay(run: Run): Promise<void> {
    const { client } = this.#parts
    const { prompt } = run.spec as { prompt?: unknown }
    if (typeof prompt === 'string') await this.#show(said('user_message_chunk', prompt))
    const open = new Map<string, unknown>()
    this.#translator = new Translator()
    for (let after = 0; after < run.head; ) {
      const { events } = await client.events(run.id, { after, limit: pageEvents })
      for (const event of events) {
        for (const update of this.#translator.take(event)) await this.#show(update)
        const { approvalId } = recordOf(event.data)
        if (event.type === permissionTypes.requested) open.set(String(approvalId), event.data)
        if (event.type === permissionTypes.resolved) open.delete(String(approvalId))
      }
      const last = events.at(-1)
      if (last === undefined) break
      after = last.seq
    }
    this.#follow(run, run.head)
    if (run.finishedAt === null) for (const question of open.values()) this.#ask(recordOf(question))
  }

  #follow(run: Run, after: number): void {
    this.#following?.close()
    this.#run = run
    this.#parts.moved(run.id)
    if (after === 0) this.#translator = new Translator()
    if (run.finishedAt !== null && after >= run.head) return
    const following = this.#parts.client.follow(run.id, { after, attempts: Number.POSITIVE_INFINITY })
    this.#following = following
    void this.#read(following, run).catch((error: unknown) => {
      if (this.#following === following) this.#fail(error)
    })
  }

  async #read(following: Following, run: Run): Promise<void> {
    for await (const event of following) {
      if (this.#following !== following) return
      if (event.seq === null) continue
      await this.#saying
      await this.#take(run, { type: event.type, data: event.data })
    }
  }

  async #take(run: Run, event: { type: string; data: unknown }): Promise<void> {
    const data = recordOf(event.data)
    // The editor shows what was typed into it.
    const isOwn = event.type === messageTypes.queued && this.#own.has(String(data.messageId))
    if (!isOwn) for (const update of this.#translator.take(event)) await this.#show(update)
    if (
      event.type === messageTypes.delivered &&
      data.messageId === this.#turn?.messageId &&
      this.#turn !== null
    )
      this.#turn.messageId = null
    if (event.type === permissionTypes.requested) this.#ask(data)
    if (event.type === permissionTypes.resolved) this.#questions.get(String(data.approvalId))?.abort()
    if (event.type === idleType && this.#turn?.messageId === null) this.#endTurn('end_turn')
    const state = finalStateOf('session', event)
    if (state === undefined) return
    if (this.#run?.id === run.id) this.#run = { ...run, finishedAt: Date.now() }
    if (state === 'completed') this.#endTurn('end_turn')
    else if (state === 'aborted') this.#endTurn('cancelled')
    else this.#fail(new Error(typeof data.error === 'string' ? data.error : `The session was ${state}`))
  }

  #ask(data: Record<string, unknown>): void {
    const { client, forms } = this.#parts
    const run = this.#run
    const question = String(data.approvalId)
    // An editor's permission request has no place for an answer in words.
    if (data.form !== undefined && !forms) return
    if (run === null || this.#questions.has(question)) return
    const controller = new AbortController()
    this.#questions.set(question, controller)
    const { signal } = controller
    const give = async (answer: AnswerApprovalBody) => {
      if (!signal.aborted) await client.answer(run.id, question, answer)
    }
    const asked =
      data.form === undefined
        ? this.#askPermission(data, signal, give)
        : this.#askForm(data.form as Form, signal, give)
    void asked
      // Somebody else was first, or the editor is gone.
      .catch(() => {})
      .finally(() => this.#questions.delete(question))
  }

  async #askPermission(
    { toolUseId, tool, input, reason }: Record<string, unknown>,
    signal: AbortSignal,
    give: (answer: AnswerApprovalBody) => Promise<void>,
  ): Promise<void> {
    const { id, editor } = this.#parts
    const request: RequestPermissionRequest = {
      sessionId: id,
      toolCall: {
        toolCallId: String(toolUseId),
        title: callInLine(String(tool), input),
        rawInput: input,
        status: 'pending',
        content: [{ type: 'content', content: { type: 'text', text: String(reason) } }],
      },
      options: [
        { optionId: 'allow', name: 'Allow', kind: 'allow_once' },
        { optionId: 'deny', name: 'Deny', kind: 'reject_once' },
      ],
    }
    const { outcome } = await editor.request('session/request_permission', request, {
      cancellationSignal: signal,
    })
    if (outcome.outcome === 'selected')
      await give({ decision: outcome.optionId === 'allow' ? 'allow' : 'deny' })
  }

  /** Asks again, and says why, where the answer does not fit the form. A form that is cancelled stays open for others. */
  async #askForm(
    form: Form,
    signal: AbortSignal,
    give: (answer: AnswerApprovalBody) => Promise<void>,
  ): Promise<void> {
    const { id, editor } = this.#parts
    const { schema, valuesOf } = editorForm(form.schema)
    let { message } = form
    for (let round = 0; round < roundsMax; round++) {
      const answer = await editor.request(
        'elicitation/create',
        { mode: 'form', sessionId: id, message, requestedSchema: schema },
        { cancellationSignal: signal },
      )
      if (answer.action === 'decline') await give({ decision: 'deny' })
      if (answer.action !== 'accept') return
      try {
        await give({ decision: 'allow', values: valuesOf(recordOf(answer.content)) })
        return
      } catch (error) {
        if (!(error instanceof ClientError) || error.code !== 'invalid_request') throw error
        message = `${form.message}\n\n${error.message}`
      }
    }
  }

  #show(update: SessionUpdate): Promise<void> {
    return this.#parts.editor.notify('session/update', { sessionId: this.#parts.id, update })
  }

  #endTurn(reason: StopReason): void {
    this.#turn?.ended.resolve(reason)
    this.#turn = null
  }

  #fail(error: unknown): void {
    this.#turn?.ended.reject(new Error(messageOf(error)))
    this.#turn = null
  }
}

const runsMax = 100
/** How often an editor may answer a form wrongly: some of them answer by themselves. */
const roundsMax = 10
const pageEvents = 500
