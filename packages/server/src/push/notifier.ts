/**
 * Notifies the browsers of a run's owner when the run asks something, and again when that is answered.
 *
 * Owns its subscription to commits and the requests under way. A notification is a courtesy: it may be lost, and nothing waits
 * for it. What another node commits, that node notifies of.
 */
import { createHash } from 'node:crypto'
import {
  type PermissionRequestedEvent,
  type PermissionResolvedEvent,
  permissionTypes,
} from '@millrace/protocol'
import { callInFull, callInLine, clip } from '@millrace/protocol/view'
import type { Logger } from 'pino'
import type { Commit, CommitFeed, RunStore } from '#store/store'
import { encrypted } from './encryption.ts'
import { authorization } from './signing.ts'
import type { KeptSubscription, PushSubscriptions } from './subscriptions.ts'

export interface NotifierParts {
  store: Pick<RunStore, 'getRun'> & CommitFeed
  subscriptions: Pick<PushSubscriptions, 'keys' | 'of' | 'end'>
  /** `mailto:` or `https:`: where the operators can be reached. */
  contact: string
  now: () => number
  log: Logger
}

/** What the console's service worker receives. */
export interface PushMessage {
  type: 'question' | 'answered'
  runId: string
  approvalId: string
  /** The tool, and the call: all of it, or its beginning. */
  title?: string
  body?: string
  /** The body shows all that would run, so that it can be answered without opening the page. */
  isWhole?: boolean
}

/** What a notification has room for. */
const bodyCharsMax = 400
const requestMs = 10_000
const longestTtlSeconds = 24 * 3600

/** A form is filled in on the page: there is no button for its values. */
function bodyOf({ tool, input, form }: PermissionRequestedEvent): Pick<PushMessage, 'body' | 'isWhole'> {
  if (form !== undefined) return { body: clip(form.message, bodyCharsMax), isWhole: false }
  const whole = callInFull(tool, input)
  const isWhole = whole.length <= bodyCharsMax
  return { body: isWhole ? whole : callInLine(tool, input), isWhole }
}

export class PushNotifier {
  readonly #parts: NotifierParts
  readonly #release: () => void
  readonly #leave = new AbortController()

  constructor(parts: NotifierParts) {
    this.#parts = parts
    this.#release = parts.store.onCommit((commit) => this.#committed(commit))
  }

  close(): void {
    this.#release()
    this.#leave.abort()
  }

  #committed({ runId, events }: Commit): void {
    for (const { type, json } of events) {
      if (type === permissionTypes.requested) this.#asked(runId, JSON.parse(json))
      else if (type === permissionTypes.resolved) this.#answered(runId, JSON.parse(json))
    }
  }

  #asked(runId: string, question: PermissionRequestedEvent): void {
    const { approvalId, tool, expiresAt } = question
    const title = `${tool} needs your answer`
    void this.#notify({ type: 'question', runId, approvalId, title, ...bodyOf(question) }, expiresAt)
  }

  #answered(runId: string, { approvalId }: PermissionResolvedEvent): void {
    void this.#notify({ type: 'answered', runId, approvalId }, Number.POSITIVE_INFINITY)
  }

  async #notify(message: PushMessage, until: number): Promise<void> {
    const { store, subscriptions, log } = this.#parts
    try {
      const run = await store.getRun(message.runId)
      if (run === null) return
      const browsers = await subscriptions.of(run.owner)
      await Promise.all(browsers.map((browser) => this.#send(browser, message, until)))
    } catch (error) {
      if (!this.#leave.signal.aborted)
        log.warn({ run: message.runId, err: error }, 'browsers were not notified')
    }
  }

  async #send(browser: KeptSubscription, message: PushMessage, until: number): Promise<void> {
    const { subscriptions, contact, now, log } = this.#parts
    const { endpoint, keys } = browser
    const seconds = Math.min(Math.max(Math.ceil((until - now()) / 1000), 1), longestTtlSeconds)
    try {
      const { status } = await fetch(endpoint, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.any([this.#leave.signal, AbortSignal.timeout(requestMs)]),
        headers: {
          'Content-Type': 'application/octet-stream',
          'Content-Encoding': 'aes128gcm',
          TTL: String(seconds),
          Urgency: 'high',
          // What is not delivered yet is replaced: nobody is asked what was answered.
          Topic: createHash('sha256').update(message.approvalId).digest('base64url').slice(0, 32),
          Authorization: authorization(await subscriptions.keys(), endpoint, contact, now()),
        },
        body: encrypted(Buffer.from(JSON.stringify(message)), keys),
      })
      // The browser has unsubscribed.
      if (status === 404 || status === 410) await subscriptions.end(browser.id)
      else if (status >= 400) log.warn({ service: new URL(endpoint).host, status }, 'a push service refused')
    } catch (error) {
      if (this.#leave.signal.aborted) return
      log.warn({ service: new URL(endpoint).host, err: error }, 'a push service was not reached')
    }
  }
}
