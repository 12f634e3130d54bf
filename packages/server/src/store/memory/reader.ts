/** Answers reads from the tables. */

import { isUndelivered } from '@millrace/protocol'
import { contentsIn } from '#store/batched/attachments'
import type { Backend, ListQuery, ReadName, Reads } from '#store/batched/backend'
import { cutPage } from '#store/batched/page-text'
import type { Credential } from '#store/credentials'
import { isActive, isToBeEnded } from '#store/rules/claim'
import { isDead, storedParent } from '#store/rules/credentials'
import { averageDurationMs, isSilent } from '#store/rules/finish'
import { expendable } from '#store/rules/forget'
import { searchText } from '#store/rules/search'
import type { Approval, PageRequest } from '#store/store'
import {
  type MemoryApproval,
  type MemoryRun,
  type MemoryTables,
  ownerBytes,
  tallyOf,
  toRow,
} from './tables.ts'

type Answers = { [Name in ReadName]: (ask: Reads[Name]['ask']) => Reads[Name]['answer'] }

export function createReader(tables: MemoryTables): Backend['read'] {
  const answers: Answers = {
    ...runAnswers(tables),
    ...logAnswers(tables),
    ...sessionAnswers(tables),
    ...credentialAnswers(tables),
  }
  return async (name, ask) => answers[name](ask)
}

function runAnswers(
  tables: MemoryTables,
): Pick<
  Answers,
  'run' | 'list' | 'active' | 'silent' | 'counts' | 'expendable' | 'ownerBytes' | 'largestOwners'
> {
  const { runs } = tables
  return {
    run({ id }) {
      const run = runs.get(id)
      return run === undefined ? null : toRow(run)
    },
    list(query) {
      const found = [...runs.values()].filter((run) => isListed(run, query)).reverse()
      const page = found.slice(0, query.limit)
      const nextBefore = found.length > page.length ? (page.at(-1)?.n ?? null) : null
      return { rows: page.map(toRow), nextBefore }
    },
    active: () => [...runs.values()].filter(isToBeEnded).map(toRow),
    silent: ({ before }) =>
      [...runs.values()]
        .filter((run) => isSilent(run, before))
        .sort((one, other) => (one.leaseUntil ?? 0) - (other.leaseUntil ?? 0))
        .slice(0, 100)
        .map(toRow),
    counts({ kind }) {
      const ofKind = [...runs.values()].filter((run) => run.kind === kind)
      const tally = tallyOf(tables, kind)
      return {
        running: ofKind.filter(isActive).length,
        pending: ofKind.filter(({ state }) => state === 'queued').length,
        completed: tally.completed,
        failed: tally.failed,
        averageDurationMs: averageDurationMs(tally),
      }
    },
    ownerBytes: ({ owner }) => ownerBytes(tables, owner),
    largestOwners: ({ limit }) =>
      [...new Set([...runs.values()].map(({ owner }) => owner))]
        .map((owner) => ({ owner, bytes: ownerBytes(tables, owner) }))
        .sort((one, other) => other.bytes - one.bytes || (one.owner < other.owner ? -1 : 1))
        .slice(0, limit),
    expendable: ({ after, ...rule }) => ({
      found: [...runs.values()].flatMap((run) => (run.n > after ? (expendable(run, rule) ?? []) : [])),
      nextAfter: null,
    }),
  }
}

function isListed(
  run: MemoryRun,
  { before, owner, kind, state, outcome, project, term }: ListQuery,
): boolean {
  return (
    (before === undefined || run.n < before) &&
    (owner === undefined || run.owner === owner) &&
    (kind === undefined || run.kind === kind) &&
    (state === undefined || run.state === state) &&
    (outcome === undefined || run.outcome === outcome) &&
    (project === undefined || run.project === project) &&
    (term === undefined || searchText(run).includes(term))
  )
}

function logAnswers({ runs }: MemoryTables): Pick<Answers, 'bounds' | 'page'> {
  const boundsOf = ({ firstSeq, head, closed }: MemoryRun) => ({ firstSeq, head, closed })
  return {
    bounds({ id }) {
      const run = runs.get(id)
      return run === undefined ? null : boundsOf(run)
    },
    page({ id, ...request }) {
      const run = runs.get(id)
      return run === undefined ? null : { ...pageOf(run, request), bounds: boundsOf(run) }
    },
  }
}

function pageOf(run: MemoryRun, { after, maxBytes, maxEvents = Number.POSITIVE_INFINITY }: PageRequest) {
  const from = Math.max(after, run.firstSeq - 1)
  const rows = run.log.slice(indexAfter(run, from))
  return { firstSeq: from + 1, text: cutPage(rows, from, maxBytes, maxEvents) }
}

/** The first row with an event after a `seq`, by bisection: a log may have very many. */
function indexAfter({ log }: MemoryRun, seq: number): number {
  let [low, high] = [0, log.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((log[middle]?.lastSeq ?? 0) > seq) high = middle
    else low = middle + 1
  }
  return low
}

function sessionAnswers({
  runs,
}: MemoryTables): Pick<
  Answers,
  | 'approvals'
  | 'approval'
  | 'approvalOfCall'
  | 'waitingApprovals'
  | 'messages'
  | 'message'
  | 'attachments'
  | 'transcript'
> {
  return {
    messages: ({ run }) =>
      [...(runs.get(run)?.messages.values() ?? [])].flatMap((message) =>
        isUndelivered(message.state) ? [{ ...message }] : [],
      ),
    message({ run, id }) {
      const found = runs.get(run)?.messages.get(id)
      return found === undefined ? null : { ...found }
    },
    attachments: ({ run, id }) => contentsIn(runs.get(run)?.attached.get(id)),
    approvals: ({ run }) =>
      [...(runs.get(run)?.approvals ?? [])].flatMap(([id, { expiresAt, answer }]) =>
        answer === null ? [{ id, expiresAt }] : [],
      ),
    approval({ run, id }) {
      const found = runs.get(run)?.approvals.get(id)
      return found === undefined ? null : approvalOf(id, found)
    },
    approvalOfCall({ run, call }) {
      const found = [...(runs.get(run)?.approvals ?? [])].findLast(([, asked]) => asked.call === call)
      return found === undefined ? null : approvalOf(...found)
    },
    waitingApprovals: ({ owner, before, limit }) =>
      [...runs.values()]
        .filter((run) => owner === undefined || run.owner === owner)
        .flatMap((run) =>
          [...run.approvals].flatMap(([id, { expiresAt, answer }]) =>
            answer === null && expiresAt < before ? [{ runId: run.id, id, expiresAt }] : [],
          ),
        )
        .sort((one, other) => one.expiresAt - other.expiresAt)
        .slice(0, limit),
    transcript: ({ run }) => (runs.get(run)?.transcript ?? []).map((entry) => ({ ...entry })),
  }
}

function approvalOf(id: string, { expiresAt, answer }: MemoryApproval): Approval {
  return { id, expiresAt, answer: answer === null ? null : JSON.parse(answer) }
}

function credentialAnswers({
  credentials,
}: MemoryTables): Pick<Answers, 'credential' | 'liveCredential' | 'credentials' | 'deadCredentials'> {
  const byId = (id: string) => [...credentials.values()].find((one) => one.id === id)

  /** Follows the line up, which may be a circle, until one is dead. */
  function isLineDead(id: string, at: number): boolean {
    const seen = new Set<string>()
    for (let next: string | null = id; next !== null && !seen.has(next); ) {
      seen.add(next)
      const credential = byId(next)
      if (credential === undefined || isDead(credential, at)) return true
      next = storedParent(credential)
    }
    return false
  }

  return {
    credential({ hash }) {
      const found = credentials.get(hash)
      return found === undefined ? null : { ...found }
    },
    liveCredential({ hash, at }) {
      const found = credentials.get(hash)
      return found === undefined || isLineDead(found.id, at) ? null : { ...found }
    },
    credentials: ({ kind }) =>
      [...credentials.values()]
        .filter((one) => one.kind === kind)
        .sort(newestFirst)
        .map((one) => ({ ...one })),
    deadCredentials: ({ ids, at }) => [...new Set(ids)].filter((id) => isLineDead(id, at)),
  }
}

function newestFirst(one: Credential, other: Credential): number {
  return other.createdAt - one.createdAt || (one.id < other.id ? -1 : 1)
}
